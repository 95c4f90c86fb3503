/** The last word of every interop test: what the server saw, it has captured, and Wireshark has nothing to complain of. */
import { cpSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { readPcapng } from '../../../signalling/tools.ts'
import { pause } from '../../support/patience.ts'
import type { DefaultServer } from '../../support/process.ts'
import { judge } from '../../support/tshark.ts'

/** Waits until every request has its answer, stops the server and has its capture judged. */
export async function settled(t: ExecutionContext, server: DefaultServer): Promise<void> {
  const passed = await passedInAll(t, server)
  const { code, err } = await server.stop()
  t.is(code, 0, err)
  t.is(err, '', 'a quiet log')
  const written = readPcapng(readFileSync(server.trace), (text) => t.fail(text))
  const { sip, complaints } = await judge(server.trace)
  const ours = written.filter(({ direction }) => direction !== 'local').length
  const counts = { ours, wireshark: sip - (written.length - ours) }
  if (ours !== passed || counts.wireshark !== passed || complaints.length > 0) keep(t, server)
  t.deepEqual(counts, { ours: passed, wireshark: passed })
  t.deepEqual(complaints, [])
}

/** Messages that have passed, once nothing moves any more: each look is a turn of the server's event loop, in which it reads its sockets. */
async function passedInAll(t: ExecutionContext, server: DefaultServer): Promise<number> {
  let passed = -1
  let seen = -1
  for (let looks = 0; looks < 10; looks++) {
    const metrics = await server.metrics()
    const made = metrics.get('scrapes_total')!
    if (made === seen) looks-- // an older text: it says nothing of now
    seen = made
    const now = metrics.get('received_total')! + metrics.get('sent_total')!
    if (now !== passed || metrics.get('client_transactions_unanswered') !== 0) looks = 0
    passed = now
    t.is(metrics.get('faults_total'), 0)
    await pause(20)
  }
  return passed
}

/** A capture that lacks something is worth a look. */
function keep(t: ExecutionContext, server: DefaultServer): void {
  const kept = join(tmpdir(), `${basename(server.folder)}.pcapng`)
  cpSync(server.trace, kept)
  t.log(`the capture is kept: ${kept}`)
}
