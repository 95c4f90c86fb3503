/** Text in RTP with redundancy (RFC 4103): in order, whole, and honest about what is lost. */
import test from 'ava'
import fc from 'fast-check'
import { TextStream } from '../../../../../elements/ue/push/direct/text-stream.ts'
import { ManualClock, seededIds } from '../../../../../signalling/testing.ts'

/** Two streams; `carries` says how often each packet arrives. */
class Pair {
  readonly clock = new ManualClock()
  readonly packets: Buffer[] = []
  heard = ''
  readonly writer: TextStream
  readonly reader: TextStream
  constructor(carries: (i: number) => number = () => 1) {
    this.reader = this.stream(
      () => undefined,
      (text) => {
        this.heard += text
      },
    )
    this.writer = this.stream(
      (bytes) => {
        const times = carries(this.packets.length)
        this.packets.push(bytes)
        for (let i = 0; i < times; i++) this.reader.received(bytes)
      },
      () => undefined,
    )
  }
  private stream(send: (bytes: Buffer) => void, text: (text: string) => void): TextStream {
    return new TextStream({ clock: this.clock, ids: seededIds(this.packets.length + 1), send, text })
  }
  async say(...texts: readonly string[]): Promise<string> {
    for (const text of texts) {
      this.writer.write(text)
      await this.clock.advance(400)
    }
    await this.clock.advance(20_000)
    return this.heard
  }
}

test('what is written is heard, in any script, and the sender falls silent', async (t) => {
  const pair = new Pair()
  const text = 'grüß dich ☎ 近くに 🛰\r\n'
  t.is(await pair.say(text, 'b', 'c'), `${text}bc`)
  const count = pair.packets.length
  await pair.clock.advance(60_000)
  t.is(pair.packets.length, count)
  t.is(pair.packets[0]![0], 0x80)
  t.is(pair.packets[0]![1], 0x80 | 100, 'the marker, and the payload type with redundancy')
  t.is(pair.packets[1]![1], 100)
})
test('a long text is cut between characters', async (t) => {
  const text = '🛰近くx'.repeat(700)
  const pair = new Pair()
  t.is(await pair.say(text), text)
  t.true(pair.packets.length > 5)
  t.true(pair.packets.every(({ length }) => length < 2_500))
})
for (const [lost, name] of [
  [[0], 'the first packet'],
  [[1, 2], 'two packets in a row'],
  [[0, 3, 4, 7], 'packets here and there'],
] as const)
  test(`lost: ${name}; the redundancy has it`, async (t) => {
    const pair = new Pair((i) => ((lost as readonly number[]).includes(i) ? 0 : 1))
    t.is(await pair.say('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), 'abcdefgh')
  })
test('what is lost for good stands as U+FFFD, once', async (t) => {
  const pair = new Pair((i) => (i >= 1 && i <= 4 ? 0 : 1))
  t.is(await pair.say('a', 'b', 'c', 'd', 'e', 'f', 'g'), 'a\uFFFDcdefg')
})
test('packets that come twice or late are told once', async (t) => {
  const pair = new Pair(() => 2)
  t.is(await pair.say('a', 'b', 'c'), 'abc')
  for (const packet of pair.packets) pair.reader.received(packet)
  t.is(pair.heard, 'abc')
})
test('a flood is not told, and what is typed afterwards is', async (t) => {
  const pair = new Pair()
  const packet = (sequence: number, text: string): Buffer => {
    const head = Buffer.from([0x80, 98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    head.writeUInt16BE(sequence, 2)
    return Buffer.concat([head, Buffer.from(text)])
  }
  for (let i = 0; i < 100; i++) pair.reader.received(packet(i, 'x'.repeat(1000)))
  t.is(pair.heard.length, 4000)
  pair.reader.received(packet(100, 'x'.repeat(2000)))
  await pair.clock.advance(2000)
  pair.reader.received(packet(101, 'typed'))
  t.true(pair.heard.endsWith('typed'))
})
test('whatever comes: no throw', (t) => {
  const { reader } = new Pair()
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => t.notThrows(() => reader.received(Buffer.from(bytes)))))
})
test('any loss that leaves one of three packets tells all that was written', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), async (losses) => {
      let row = 0
      const pair = new Pair((i) => {
        row = losses[i] === true && row < 2 && i < 40 ? row + 1 : 0
        return row > 0 ? 0 : 1
      })
      t.is(await pair.say(...'abcdefghijklmnop'), 'abcdefghijklmnop')
    }),
    { numRuns: 30 },
  )
})
