/** Cutting streams into messages (RFC 3261 §18.3, RFC 5626 §3.5.1), however the bytes arrive. */
import test from 'ava'
import { Framer, pongs } from '../../../signalling/transports/framing.ts'

interface Cut {
  readonly messages: readonly string[]
  readonly pings: number
  readonly broken: string | undefined
}

function cut(stream: string | Buffer, step: number, limit = 2000): Cut {
  const messages: string[] = []
  let pings = 0
  let broken: string | undefined
  const framer = new Framer(
    {
      message: (bytes) => messages.push(bytes.toString('latin1')),
      ping: (count) => {
        pings += count
      },
      broken: (why) => {
        broken = why
      },
    },
    limit,
  )
  const bytes = Buffer.from(stream as string)
  for (let at = 0; at < bytes.length; at += step) framer.push(bytes.subarray(at, at + step))
  return { messages, pings, broken }
}

function message(body: string, length = `Content-Length: ${Buffer.byteLength(body)}`): string {
  return `MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n${length}\r\n\r\n${body}`
}

const steps = [1, 2, 3, 5, 7, 64, 100_000]

test('messages, one after the other, in any chunking', (t) => {
  const all = [
    message(''),
    message('hello'),
    message('\r\n\r\n'),
    message('MESSAGE x SIP/2.0\r\n\r\n'),
    message('x', 'l:1'),
    message('yz', 'CONTENT-LENGTH   :  2'),
  ]
  for (const step of steps) t.deepEqual(cut(all.join(''), step), { messages: all, pings: 0, broken: undefined }, `by ${step}`)
})

test('keep-alives between messages, in any chunking', (t) => {
  for (const [stream, pings, count] of [
    ['\r\n\r\n', 1, 0],
    [`\r\n\r\n${message('a')}\r\n\r\n${message('b')}\r\n\r\n`, 3, 2],
    ['\r\n\r\n\r\n\r\n', 2, 0],
    [`\r\n${message('a')}`, 0, 1],
    [`\r\n\r\n\r\n${message('a')}`, 1, 1],
    [`\n\n${message('a')}`, 0, 1],
    [`\r\r\n\r\n${message('a')}`, 1, 1],
  ] as const) {
    for (const step of steps) {
      const result = cut(stream, step)
      t.deepEqual(
        [result.pings, result.messages.length, result.broken],
        [pings, count, undefined],
        `${JSON.stringify(stream.slice(0, 8))} by ${step}`,
      )
    }
  }
})

test('keep-alives that come together are told together', (t) => {
  const sizes: number[] = []
  const framer = new Framer(
    { message: () => sizes.push(0), ping: (count) => sizes.push(count), broken: () => sizes.push(-1) },
    2000,
  )
  framer.push(Buffer.from('\r\n'.repeat(20_001)))
  framer.push(Buffer.from(`\r\n${'\n'.repeat(20_000)}${message('a')}\r\n\r\n`))
  t.deepEqual(sizes, [10_000, 1, 0, 1])
  t.deepEqual(pongs(3).toString(), '\r\n\r\n\r\n')
})

test('line feeds alone end lines too, and the first empty line ends the header', (t) => {
  const odd = 'A b SIP/2.0\nContent-Length: 1\n\nx'
  const mixed = 'A b SIP/2.0\r\nContent-Length: 1\n\r\ny'
  const even = message('z')
  for (const step of steps) t.deepEqual(cut(odd + mixed + even, step).messages, [odd, mixed, even], `by ${step}`)
})

test('without a length a stream cannot be cut', (t) => {
  for (const length of [
    'X: y',
    'Content-Length: x',
    'Content-Length: -1',
    'Content-Length:',
    'Content-Length: 1\r\nl: 2',
    'Content-Length: 9999999999',
  ]) {
    for (const step of steps) {
      const result = cut(message('a', length) + message('b'), step)
      t.truthy(result.broken, length)
      t.deepEqual(result.messages, [])
    }
  }
  t.is(cut(message('a', 'Content-Length: 1\r\nl: 1'), 1).messages.length, 1, 'twice the same is no doubt')
})

test('a message that is too long is passed over where its end is known, and what follows it is read', (t) => {
  const stream = `${message('a')}${message('x'.repeat(3000))}\r\n\r\n${message('b')}${message('y'.repeat(2100))}${message('c')}`
  const skipped: string[] = []
  for (const step of [...steps, 4096]) {
    const got: string[] = []
    skipped.length = 0
    const framer = new Framer(
      {
        message: (bytes) => got.push(bytes.toString('latin1')),
        ping: () => got.push('ping'),
        broken: (why) => got.push(why),
        tooLong: (why, head) => skipped.push(`${why}: ${head.toString('latin1').split('\r\n').at(-3)}`),
      },
      2000,
    )
    const bytes = Buffer.from(stream)
    for (let at = 0; at < bytes.length; at += step) {
      framer.push(bytes.subarray(at, at + step))
      if (at > 500 && at < 2500 && at + step < 3000) t.true(framer.partial, 'its body is still to come')
    }
    t.deepEqual(got, [message('a'), 'ping', message('b'), message('c')], `by ${step}`)
    t.deepEqual(
      skipped,
      [3000, 2100].map((length) => `a message of more than 2000 bytes: Content-Length: ${length}`),
    )
    t.false(framer.partial)
  }
})

test('a body that would take too much to pass over, and too long a header, break the stream all the same', (t) => {
  for (const text of [message('', 'Content-Length: 1048577'), message('', `X: ${'x'.repeat(3000)}\r\nContent-Length: 9`)]) {
    const said: string[] = []
    const sink = { message: () => said.push('message'), ping: () => said.push('ping') }
    const framer = new Framer({ ...sink, broken: () => said.push('broken'), tooLong: () => said.push('passed over') }, 2000)
    framer.push(Buffer.from(text))
    t.deepEqual(said, ['broken'])
  }
})

test('too long a header, or message, breaks the stream before it is held', (t) => {
  for (const step of steps) {
    t.truthy(cut(`A b SIP/2.0\r\nX: ${'x'.repeat(3000)}`, step).broken)
    t.truthy(cut(message('x'.repeat(3000)), step).broken)
    t.truthy(cut('x'.repeat(5000), step).broken)
    t.is(cut(message('x'.repeat(1900)), step).messages.length, 1)
  }
})
