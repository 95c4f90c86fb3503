/** The last word of every interop test: what the node saw, it has captured, and Wireshark has nothing to complain of. */
import { readFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { readPcapng } from '../../../signalling/capture/pcapng.ts'
import type { NodeProcess } from '../../support/process.ts'
import { judge } from '../../support/tshark.ts'

/** Waits until no transaction is under way, stops the node and has its capture judged. */
export async function settled(t: ExecutionContext, node: NodeProcess): Promise<void> {
  let metrics = await node.metrics()
  while ((metrics.get('client_transactions') ?? 0) > 0) metrics = await node.metrics()
  const passed = metrics.get('received_total')! + metrics.get('sent_total')!
  t.is(metrics.get('faults_total'), 0)
  const { code, err } = await node.stop()
  t.is(code, 0, err)
  t.is(err, '', 'a quiet log')
  const written = readPcapng(readFileSync(node.trace), (text) => t.fail(text))
  t.is(written.filter(({ direction }) => direction !== 'local').length, passed)
  const { sip, complaints } = await judge(node.trace)
  t.is(sip, written.length)
  t.deepEqual(complaints, [])
}
