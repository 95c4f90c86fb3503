import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { addressBytes, addressText } from '../../../signalling/capture/packets.ts'
import { type CapturedMessage, openPcapng, readPcapng } from '../../../signalling/capture/pcapng.ts'
import type { TappedMessage } from '../../../signalling/capture/tap.ts'
import { ManualClock } from '../../../signalling/clock.ts'
import { type Log, silent } from '../../../signalling/log.ts'
import { inside, proxy, subscription, traffic } from './capture-messages.ts'

const start = Date.UTC(2026, 0, 1) + 0.25

async function written(messages: readonly TappedMessage[], mask = false): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
  const file = join(folder, 'a.pcapng')
  const tap = openPcapng({ file, clock: new ManualClock(), log: silent, mask })
  for (const message of messages) tap.message(message)
  await tap.close?.()
  const bytes = readFileSync(file)
  rmSync(folder, { recursive: true })
  return bytes
}
const contents = (messages: readonly CapturedMessage[]): string[] =>
  messages.map(({ transport, direction, at, bytes }) => `${transport} ${direction} ${at.toFixed(2)} ${Buffer.from(bytes)}`)

test('what was written is read back: message, time, transport, direction and names', async (t) => {
  const sent = traffic(start)
  const faults: string[] = []
  const read = readPcapng(await written(sent), (fault) => faults.push(fault))
  t.deepEqual(faults, [])
  t.deepEqual(
    contents(read),
    contents(sent.map((message) => (message.direction === 'local' ? { ...message, transport: 'MEM' } : message))),
  )
  t.deepEqual(read[0]!.from, sent[0]!.from)
  t.deepEqual(read[0]!.to, proxy)
  t.is(read.at(-1)!.from.name, 'hss')
  const six = sent.findIndex(({ from }) => from.address === '::1')
  t.deepEqual(read[six]!.from, sent[six]!.from)
})

test('reaches the disk a moment after the message, without a close', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
  const file = join(folder, 'a.pcapng')
  const clock = new ManualClock()
  const tap = openPcapng({ file, clock, log: silent })
  for (const message of subscription(start, 'TCP', inside('a'), proxy)) tap.message(message)
  t.is(readPcapng(readFileSync(file)).length, 0)
  await clock.advance(100)
  t.is(readPcapng(readFileSync(file)).length, 4)
  await tap.close?.()
  tap.message(subscription(start, 'TCP', inside('a'), proxy)[0]!) // nothing is tapped after the end
  await clock.advance(100)
  t.is(readPcapng(readFileSync(file)).length, 4)
  rmSync(folder, { recursive: true })
})

test('a full disk stops the capture with one line, and nothing else', async (t) => {
  const lines: string[] = []
  const log: Log = { ...silent, error: (_fields, text) => void lines.push(text) }
  const clock = new ManualClock()
  const tap = openPcapng({ file: '/dev/full', clock, log })
  for (const message of traffic(start)) tap.message(message)
  await clock.advance(1000)
  await tap.close?.()
  t.is(lines.length, 1)
  t.regex(lines[0]!, /^capture \/dev\/full has stopped: ENOSPC/)
  t.throws(() => openPcapng({ file: join(import.meta.filename, 'x'), clock, log }), { code: 'ENOTDIR' })
})

test('full files are kept by number, each whole by itself, the oldest goes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
  const file = join(folder, 'calls.pcapng')
  const tap = openPcapng({ file, clock: new ManualClock(), log: silent, size: 40_000, files: 4 })
  const sent = Array.from({ length: 12 }, (_, i) => traffic(start + 1000 * i).filter(({ bytes }) => bytes.length < 20_000)).flat()
  for (const message of sent) tap.message(message)
  await tap.close?.()
  t.deepEqual(readdirSync(folder).sort(), ['calls.1.pcapng', 'calls.2.pcapng', 'calls.3.pcapng', 'calls.pcapng'])
  const kept = ['calls.3.pcapng', 'calls.2.pcapng', 'calls.1.pcapng', 'calls.pcapng'].map((name) => {
    const bytes = readFileSync(join(folder, name))
    t.true(bytes.length < 80_000)
    return readPcapng(bytes, (fault) => t.fail(`${name}: ${fault}`))
  })
  for (const messages of kept) t.true(messages.length > 5)
  const expected = sent.map((message) => (message.direction === 'local' ? { ...message, transport: 'MEM' as const } : message))
  t.deepEqual(contents(kept.flat()), contents(expected.slice(-kept.flat().length)))
  rmSync(folder, { recursive: true })
})

test('a folder that vanishes under a rotation stops the capture with one line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-capture-'))
  const lines: string[] = []
  const log: Log = { ...silent, error: (_fields, text) => void lines.push(text) }
  const tap = openPcapng({ file: join(folder, 'calls.pcapng'), clock: new ManualClock(), log, size: 2000 })
  rmSync(folder, { recursive: true })
  for (const message of traffic(start)) tap.message(message)
  await tap.close?.()
  t.is(lines.length, 1)
  t.regex(lines[0]!, /has stopped: ENOENT/)
})

test('masks on request', async (t) => {
  const file = await written(traffic(start), true)
  t.false(file.includes('s3cr'))
  t.true(file.includes('"proof":"*******"'))
  t.is(readPcapng(file).length, traffic(start).length)
})

test('a capture that is cut anywhere gives the messages before the cut and says so', async (t) => {
  const whole = await written(traffic(start).slice(0, 24))
  for (let length = 0; length < whole.length; length += 101) {
    const faults: string[] = []
    const read = readPcapng(whole.subarray(0, length), (fault) => faults.push(fault))
    t.true(read.length <= 24)
    t.true(length % 4 === 0 || length < 12 || faults.length > 0)
  }
})

test('no bytes make the reader throw', async (t) => {
  const whole = await written(traffic(start).slice(0, 24))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 40 }), (changes) => {
      const broken = Buffer.from(whole)
      for (const [at, byte] of changes) broken[at] = byte
      readPcapng(broken)
    }),
    { numRuns: 300 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readPcapng(bytes)))
  const faults: string[] = []
  t.deepEqual(
    readPcapng(Buffer.from('this is no capture at all'), (fault) => faults.push(fault)),
    [],
  )
  t.deepEqual(faults, ['not a pcapng file'])
})

test('addresses become bytes and text again', (t) => {
  const texts = ['127.0.0.1', '::1', '::', 'fe80::1:0:0:2', '2001:db8::', '1:2:3:4:5:6:7:8', '2001:db8:0:1::f', '2001:0:0:1::']
  for (const text of texts) t.is(addressText(addressBytes(text)!), text)
  t.is(addressText(addressBytes('::ffff:192.0.2.1')!), '::ffff:c000:201')
  t.is(addressText(addressBytes('fe80::1%eth0')!), 'fe80::1')
  for (const name of ['node.test', '', '1.2.3', '::g']) t.is(addressBytes(name), undefined)
})
