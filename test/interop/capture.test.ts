/** Wireshark is the judge: every message dissected as SIP, nothing malformed, no warning. */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { silent } from '../../signalling/index.ts'
import { ManualClock } from '../../signalling/testing.ts'
import { openPcapng } from '../../signalling/tools.ts'
import { alice, subscription, traffic, webProxy } from '../signalling/capture/capture-messages.ts'
import { Running, run as runToEnd, startDefaultServer } from '../support/process.ts'
import { judge } from '../support/tshark.ts'

const run = promisify(execFile)
const checked = ['ip', 'udp', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])

for (const mask of [false, true]) {
  test(`tshark dissects every message of a ${mask ? 'masked ' : ''}capture and finds nothing to complain of`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'a.pcapng')
    const tap = openPcapng({ file, clock: new ManualClock(), log: silent, mask })
    const web = { ...alice, port: 40_999 }
    const messages = [
      ...traffic(1.75e12),
      // a notifier that talks for long without hearing anything must not fill the window
      ...Array.from({ length: 300 }, (_, i) => subscription(1.75e12 + 1000 + i, 'WS', web, webProxy, 400)[2]!),
    ]
    for (const message of messages) tap.message(message)
    await tap.close?.()

    const tshark = async (...options: string[]): Promise<string[]> => {
      const { stdout } = await run('tshark', [...checked, '-r', file, ...options], { maxBuffer: 1e8 })
      return stdout.split('\n').filter((line) => line !== '')
    }
    t.is((await tshark('-Y', 'sip')).length, messages.length)
    t.deepEqual(
      await tshark('-Y', '_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0 || udp.checksum.status == 0'),
      [],
    )
    const expert = await tshark('-q', '-z', 'expert')
    t.deepEqual(
      expert.filter((line) => /^(?:Errors|Warns|Notes)/.test(line)),
      [],
    )
    t.true(expert.some((line) => line.includes('proxy → prose (MEM)')))
    const transports = await tshark('-Y', 'sip && websocket', '-T', 'fields', '-e', 'sip.CSeq.method')
    t.is(transports.length, messages.filter(({ transport }) => transport.startsWith('WS')).length)
  })
}

test('each file of a rotated capture is clean by itself, WebSocket included', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const tap = openPcapng({ file: join(folder, 'a.pcapng'), clock: new ManualClock(), log: silent, size: 60_000, files: 20 })
  const one = traffic(1.75e12).filter(({ bytes }) => bytes.length < 20_000)
  const messages = Array.from({ length: 10 }, (_, i) => one.map((message) => ({ ...message, at: message.at + 1000 * i }))).flat()
  for (const message of messages) tap.message(message)
  await tap.close?.()
  const files = readdirSync(folder)
  t.true(files.length > 3)
  let found = 0
  for (const file of files) {
    const { sip, complaints } = await judge(join(folder, file))
    found += sip
    t.deepEqual(complaints, [], file)
  }
  t.is(found, messages.length)
})

test('sngrep shows what a node mirrors by HEP', async (t) => {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  const server = await startDefaultServer({ args: ['--hep', `udp:127.0.0.1:${port}`] })
  t.teardown(() => server.remove())
  const shown = join(server.folder, 'shown.pcap')
  const sngrep = new Running('sngrep', ['-N', '-q', '-L', `udp:127.0.0.1:${port}`, '-O', shown])
  server.guests.add(sngrep)
  const has = (): boolean => existsSync(shown) && readFileSync(shown).includes('OPTIONS sip:127.0.0.1:')
  while (!has()) await runToEnd('sipsak', ['-s', `sip:127.0.0.1:${server.udp}`]) // whatever it makes of the answer
  await sngrep.stop(500)
  const { sip } = await judge(shown) // of the file, which sngrep makes with wrong IP checksums, nothing else counts
  t.true(sip > 1)
})
