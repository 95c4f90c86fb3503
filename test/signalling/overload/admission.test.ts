/** Overload control against a model of a server: a queue that work enters and leaves. */
import test from 'ava'
import { SipRequest } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { Admission } from '../../../signalling/overload/admission.ts'
import { RateLimit } from '../../../signalling/overload/rate-limit.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import { requestText } from '../../support/wire.ts'
import { BenchFlow } from '../transactions/bench.ts'

function request(method: string, headers: readonly string[] = [], toTag = ''): SipRequest {
  const text = requestText(method, 'sip:bob@localhost', {}).replace(/^(To: [^\r]*)/m, toTag === '' ? '$1' : `$1;tag=${toTag}`)
  const message = scan(Buffer.from(text.replace('\r\n', `\r\n${headers.map((line) => `${line}\r\n`).join('')}`)))
  if (!(message instanceof SipRequest) || message.fault !== undefined) throw new Error(`not sound: ${text}`)
  return message
}
const fresh = request('MESSAGE')
const datagrams = new BenchFlow(false)
const stream = new BenchFlow(true)

interface Watched {
  readonly clock: ManualClock
  readonly admission: Admission
  /** What had its turn. */
  readonly served: (Buffer | SipRequest)[]
  /** What transports were told last. */
  limit: number
  lag: number
}

/** An admission whose line is served at once, whatever it takes. */
function watched(): Watched {
  const clock = new ManualClock()
  const all: Watched = {
    clock,
    served: [],
    limit: Infinity,
    lag: 0,
    admission: new Admission({
      clock,
      ids: seededIds(1),
      lag: () => all.lag,
      ration: (beginnings) => {
        all.limit = beginnings
        return 0
      },
      serve: (waiting) => {
        all.served.push(waiting)
      },
    }),
  }
  return all
}

/** Two seconds of 2,000 new requests a second. */
async function rush({ clock, admission }: Watched, ms = 2000): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    for (let i = 0; i < 100; i++) admission.admits(fresh, stream)
    await clock.advance(50)
  }
}

/** Datagrams a second that the model can leave unread, and of those its transports spare it. */
const [unread, spared] = [400_000, 2_000_000]
const resentAfter = [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000] // ms, one after the other (RFC 3261 §17.1.2.2)
const step = 5 // ms

interface Second {
  readonly done: number
  /** Milliseconds that what was done last had waited. */
  readonly waited: number
}

/** Time passes while the model works, and what is to come soon comes when it has read what is there. */
class WorkClock extends ManualClock {
  worked = 0
  readonly ready: (() => void)[] = []
  override now(): number {
    return super.now() + this.worked
  }
  override soon(task: () => void): void {
    this.ready.push(task)
  }
}

/** A server that can do `capacity` a second and refuse `refusals` a second; who is not served or refused sends again. */
class Model {
  readonly clock = new WorkClock()
  readonly admission: Admission
  /** Whether its peers heed what `oc` asks of them, and send nothing again. */
  obeyed = false
  private readonly capacity: number
  private readonly refusals: number
  /** How often they were sent before: what waits in the system's buffer, and what comes at which step. */
  private readonly buffer: { readonly at: number; readonly times: number }[] = []
  private readonly coming = new Map<number, number[]>()
  private readonly waiting: number[] = []
  private steps = 0
  private owed = 0
  private done = 0
  private waited = 0
  private limit = Infinity
  private turnedAway = 0

  constructor(capacity: number, refusals: number) {
    this.capacity = capacity
    this.refusals = refusals
    this.admission = new Admission({
      clock: this.clock,
      ids: seededIds(7),
      lag: () => this.clock.now() - (this.buffer[0]?.at ?? this.clock.now()),
      ration: (beginnings) => {
        const count = this.turnedAway
        this.limit = beginnings
        this.turnedAway = 0
        return count
      },
      serve: () => this.serve(this.waiting.shift()!),
    })
  }
  private serve(since: number): void {
    this.clock.worked += 1000 / this.capacity
    this.done++
    this.waited = this.clock.now() - since
  }
  private again(times: number): void {
    const after = resentAfter[times]
    if (this.obeyed || after === undefined) return
    const at = this.steps + after / step
    const all = this.coming.get(at)
    if (all === undefined) this.coming.set(at, [times + 1])
    else all.push(times + 1)
  }
  private read({ at, times }: { readonly at: number; readonly times: number }): void {
    if (this.limit <= 0) {
      this.clock.worked += 1000 / spared
      this.turnedAway++
      this.again(times)
      return
    }
    this.limit--
    const when = this.admission.sifts(fresh.bytes, datagrams)
    if (when === 'never') {
      this.clock.worked += 1000 / unread
      this.again(times)
    } else if (when === 'later') this.waiting.push(at)
    else if (this.admission.admits(fresh, datagrams) === 'now') this.serve(at)
    else this.clock.worked += 1000 / this.refusals
  }
  async second(offered: number): Promise<Second> {
    const { clock } = this
    this.done = 0
    for (let i = 0; i < 1000 / step; i++, this.steps++) {
      const heeded = this.obeyed ? 1 - Number(/oc=(\d+)/.exec(this.admission.feedback())![1]) / 100 : 1
      this.owed += (offered * heeded * step) / 1000
      for (; this.owed >= 1; this.owed--) this.buffer.push({ at: clock.now(), times: 0 })
      for (const times of this.coming.get(this.steps) ?? []) this.buffer.push({ at: clock.now(), times })
      this.coming.delete(this.steps)
      while (clock.worked < step && (this.buffer.length > 0 || clock.ready.length > 0)) {
        for (let read = 0; read < 64 && this.buffer.length > 0 && clock.worked < step; read++) this.read(this.buffer.shift()!)
        for (const task of clock.ready.splice(0)) task()
      }
      const over = Math.max(0, clock.worked - step)
      clock.worked = 0
      await clock.advance(step)
      clock.worked = over
    }
    return { done: this.done, waited: this.waited }
  }
}

test('all is let in while the server keeps up', async (t) => {
  const model = new Model(2000, 40_000)
  for (let i = 0; i < 5; i++) t.true((await model.second(1900)).done > 1890)
  t.is(model.admission.share, 1)
})

for (const times of [1.5, 2, 5]) {
  test(`offered ${times} times what it can do, and again what it does not, it does nine tenths of what it can, steadily`, async (t) => {
    const model = new Model(2000, 10_000)
    await model.second(1000)
    for (let i = 0; i < 10; i++) {
      const { done, waited } = await model.second(times * 2000)
      t.true(done > 0.9 * 2000, `second ${i}: ${done}`)
      if (i > 0) t.true(waited < 100, `second ${i}: ${waited} ms`)
    }
    for (let i = 0; i < 4; i++) await model.second(200)
    t.true((await model.second(1000)).done >= 1000, 'and is itself again within 5 s')
    for (let i = 0; i < 30; i++) await model.second(200)
    t.is(model.admission.share, 1)
    t.is((await model.second(1000)).done, 1000)
  })
}

test('of peers that heed what oc asks of them most is let in, of others as little as can be done', async (t) => {
  for (const obeyed of [true, false]) {
    const model = new Model(2000, 10_000)
    model.obeyed = obeyed
    for (let i = 0; i < 3; i++) await model.second(5000)
    for (let i = 0; i < 5; i++) {
      t.true((await model.second(5000)).done > 0.9 * 2000)
      t.is(model.admission.share > 0.7, obeyed, String(model.admission.share))
    }
  }
})

test('what is under way or renewed does not wait, and is not refused before the lag is half a second', async (t) => {
  const all = watched()
  const { clock, admission } = all
  all.lag = 450
  await rush(all)
  const kept = [
    request('NOTIFY', [], 'a'),
    request('BYE', [], 'a'),
    request('REGISTER', ['Authorization: Digest username="a"']),
    request('PUBLISH', ['SIP-If-Match: x']),
  ]
  for (let i = 0; i < 50; i++) for (const each of kept) t.is(admission.admits(each, stream), 'now')
  all.served.length = 0
  const others = [fresh, request('REGISTER'), request('PUBLISH'), request('SUBSCRIBE')]
  for (let i = 0; i < 12; i++) t.is(admission.admits(others[i % 4]!, stream), 'later')
  await clock.advance(0)
  t.deepEqual(all.served, [...others, ...others, ...others], 'each in its turn')
  all.lag = 3000
  await rush(all, 200)
  const now = (each: SipRequest): boolean => admission.admits(each, stream) === 'now'
  const left = Array.from({ length: 400 }, (_, i) => now(kept[i % 4]!)).filter(Boolean).length
  t.true(left > 20 && left < 300, String(left))
  const unread = Array.from({ length: 400 }, () => admission.sifts(kept[1]!.bytes, datagrams) === 'never').filter(Boolean).length
  t.true(unread > 100, `${unread} of a flood with made-up tags go unread`)
  all.lag = 0
  await rush(all, 4000)
  t.is(all.limit, Infinity)
  for (const each of [...kept, fresh])
    t.true(now(each) && admission.sifts(each.bytes, datagrams) === 'now', 'and all is as it was')
})

test('in line are only datagrams that begin something, as many as find room; the others go unread, but for some', async (t) => {
  const all = watched()
  const { admission, clock } = all
  all.lag = 450
  const first = ['MESSAGE', 'INVITE', 'INFO', 'OPTIONS', 'PUBLISH', 'REGISTER', 'REFER', 'SUBSCRIBE'].map((name) => request(name))
  for (const { bytes } of first) t.is(admission.sifts(bytes, datagrams), 'now', 'nothing while all is well')
  await rush(all)
  t.true(all.limit > 0 && all.limit < 1000, `transports let through ${all.limit}`)
  all.served.length = 0
  for (const { bytes } of first) t.is(admission.sifts(bytes, datagrams), 'later')
  const kept = [
    ...['NOTIFY', 'BYE', 'MESSAGE', 'INVITE', 'SUBSCRIBE', 'REFER'].map((name) => request(name, [], 'a').bytes),
    ...['ACK', 'CANCEL', 'PRACK', 'UPDATE'].map((name) => request(name).bytes),
    request('REGISTER', ['Authorization: Digest username="a"']).bytes,
    request('PUBLISH', ['SIP-If-Match: x']).bytes,
    Buffer.from('SIP/2.0 200 OK\r\n\r\n'),
    Buffer.from('\r\n\r\n'),
    Buffer.alloc(0),
  ]
  for (const each of kept) t.is(admission.sifts(each, datagrams), 'now', each.toString())
  const many = Array.from({ length: 1000 }, () => admission.sifts(fresh.bytes, datagrams))
  const found = many.filter((when) => when === 'later').length
  t.true(
    found > 0 && found < 500 && all.limit - first.length - found <= 1,
    `${found} of 1,000 find room, ${all.limit} were let through`,
  )
  t.is(many.filter((when) => when === 'now').length, 1, 'of so many that were served one may be told')
  await clock.advance(0)
  t.deepEqual(
    all.served.slice(0, first.length) as unknown,
    first.map(({ bytes }) => bytes),
  )
  t.is(all.served.length, found + first.length)
})

test('a request that finds no room on a connection is refused at once', async (t) => {
  const all = watched()
  all.lag = 450
  await rush(all)
  const when = Array.from({ length: 1000 }, () => all.admission.admits(fresh, stream))
  t.is(when.indexOf('no'), when.lastIndexOf('later') + 1)
  t.true(all.admission.share < 1.01 && when.includes('no'))
})

test('a connection that brings more than there is room for is not read until there is room again; nothing is refused', async (t) => {
  class HeldFlow extends BenchFlow {
    readonly asked: boolean[] = []
    hold(held: boolean): void {
      this.asked.push(held)
    }
  }
  const all = watched()
  all.lag = 450
  await rush(all)
  all.served.length = 0
  const [greedy, modest] = [new HeldFlow(true), new HeldFlow(true)]
  t.is(all.admission.admits(fresh, modest), 'later')
  for (let i = 0; i < 3000; i++) t.is(all.admission.admits(fresh, greedy), 'later')
  t.is(all.admission.sifts(fresh.bytes, datagrams), 'later', 'datagrams have room of their own')
  t.deepEqual([greedy.asked, modest.asked], [[true], []])
  await all.clock.advance(0)
  t.is(all.served.length, 3002)
  t.deepEqual([greedy.asked, modest.asked], [[true, false], []])
  const many = Array.from({ length: 30_000 }, () => all.admission.admits(fresh, greedy))
  t.true(many.includes('no'), 'but no more than memory may be taken for')
})

test('a machine that is busy with something else refuses nobody', async (t) => {
  const all = watched()
  all.lag = 700
  for (let i = 0; i < 100; i++) t.is(all.admission.admits(fresh, stream), 'now')
  for (let look = 0; look < 40; look++) {
    await all.clock.advance(50)
    for (let i = 0; i < 10; i++) t.is(all.admission.admits(fresh, stream), 'now')
  }
})

test('a pause refuses nobody', async (t) => {
  const all = watched()
  for (let look = 0; look < 40; look++) {
    all.lag = look % 5 < 2 ? 400 : 0 // a collection of garbage takes as long, again and again
    for (let i = 0; i < 100; i++) t.is(all.admission.admits(fresh, stream), 'now')
    await all.clock.advance(50)
  }
  t.is(all.limit, Infinity)
})

test('a quiet node is not woken', async (t) => {
  const all = watched()
  for (let i = 0; i < 60; i++) all.admission.admits(fresh, stream)
  t.is(all.clock.nextDue, undefined)
})

test('peers that offer oc are told the loss that is wanted, and when there is none any more', async (t) => {
  const model = new Model(2000, 10_000)
  await model.second(1000)
  t.regex(model.admission.feedback(), /^;oc=0;oc-algo="loss";oc-validity=500;oc-seq=\d+\.\d{5}$/)
  for (let i = 0; i < 3; i++) await model.second(5000)
  t.regex(model.admission.feedback(), /^;oc=[6-9]\d;oc-algo="loss";/)
  for (let i = 0; i < 40; i++) await model.second(200)
  t.regex(model.admission.feedback(), /^;oc=0;/)
})

test('a rate limit gives a burst, then its rate, and tells a flood from a hurry', async (t) => {
  const clock = new ManualClock()
  const limit = new RateLimit(clock, { rate: 10, burst: 20 }, 2)
  const taken = (key: string, times: number): number =>
    Array.from({ length: times }, () => limit.take(key)).filter(Boolean).length
  t.is(taken('a', 30), 20)
  t.false(limit.isFlood('a'))
  t.is(taken('b', 5), 5, 'each key by itself')
  await clock.advance(2000)
  t.is(taken('a', 30), 10, 'what was refused is owed')
  taken('a', 100)
  t.true(limit.isFlood('a'))
  t.is(taken('c', 1), 1)
  t.is(limit.size, 2, 'bounded')
})

test('few whose exchanges take long make us late as many others do; when they are gone all is as before', async (t) => {
  const all = watched()
  const { clock, admission } = all
  const beat = async (ms: number, busy: boolean): Promise<void> => {
    for (let at = 0; at < ms; at += 50) {
      admission.admits(fresh, datagrams)
      all.lag = busy ? 150 : 0
      if (busy) admission.took(45)
      await clock.advance(50)
    }
  }
  await beat(500, true)
  t.is(admission.lag, 150)
  const answers = Array.from({ length: 40 }, () => admission.admits(fresh, datagrams))
  t.true(answers.includes('no'), 'there is a line, and it is short')
  t.true(admission.share < 1 || answers.filter((answer) => answer === 'later').length <= 10)
  await beat(5000, false)
  t.deepEqual([admission.lag, admission.admits(fresh, datagrams)], [0, 'now'])
})
