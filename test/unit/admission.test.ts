/** Overload control against a model of a server: a queue that work enters and leaves. */
import test from 'ava'
import { Admission } from '../../signalling/admission.ts'
import { ManualClock, SipRequest, seededIds } from '../../signalling/index.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { RateLimit } from '../../signalling/rate-limit.ts'
import { requestText } from '../support/wire.ts'

function request(method: string, headers: readonly string[] = [], toTag = ''): SipRequest {
  const text = requestText(method, 'sip:bob@localhost', {}).replace(/^(To: [^\r]*)/m, toTag === '' ? '$1' : `$1;tag=${toTag}`)
  const message = scan(Buffer.from(text.replace('\r\n', `\r\n${headers.map((line) => `${line}\r\n`).join('')}`)))
  if (!(message instanceof SipRequest) || message.fault !== undefined) throw new Error(`not sound: ${text}`)
  return message
}
const fresh = request('MESSAGE')
const busy = (): number => 1

/** Two seconds of 2,000 new requests a second. */
async function rush(clock: ManualClock, admission: Admission, ms = 2000): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    for (let i = 0; i < 100; i++) admission.admits(fresh)
    await clock.advance(50)
  }
}

/** Datagrams a second that the model can leave unread. */
const unread = 400_000

interface Second {
  readonly done: number
  readonly lag: number
}

/** A server that can do `capacity` a second and refuse `refusals` a second, offered so many a second; per second what was done. */
class Model {
  readonly clock = new ManualClock()
  readonly admission: Admission
  private readonly capacity: number
  private readonly refusals: number
  /** Seconds of work since somebody asked, and when that was. */
  private worked = 0
  private askedAt = 0
  /** Arrivals that wait to be read, oldest first: when they came, and how many. */
  private readonly waiting: { readonly at: number; count: number }[] = []

  constructor(capacity: number, refusals: number) {
    this.capacity = capacity
    this.refusals = refusals
    const lag = (): number => this.clock.now() - (this.waiting[0]?.at ?? this.clock.now())
    this.admission = new Admission({ clock: this.clock, ids: seededIds(7), lag, busy: () => this.use() })
  }
  private use(): number {
    const use = this.worked / Math.max(0.001, (this.clock.now() - this.askedAt) / 1000)
    this.worked = 0
    this.askedAt = this.clock.now()
    return Math.min(1, use)
  }
  async second(offered: number): Promise<Second> {
    let done = 0
    let lag = 0
    for (let step = 0; step < 200; step++) {
      this.waiting.push({ at: this.clock.now(), count: offered / 200 })
      let budget = 0.005
      while (budget > 0 && this.waiting.length > 0) {
        const first = this.waiting[0]!
        const each = Math.min(1, first.count)
        const dropped = this.admission.drops(fresh.bytes)
        const admitted = !dropped && this.admission.admits(fresh, true)
        const cost = each / (admitted ? this.capacity : dropped ? unread : this.refusals)
        budget -= cost
        this.worked += cost
        if (admitted) done += each
        if ((first.count -= each) <= 0) this.waiting.shift()
      }
      await this.clock.advance(5)
      lag = Math.max(lag, this.admission.lag)
    }
    return { done, lag }
  }
}

test('all is let in while the server keeps up', async (t) => {
  const model = new Model(2000, 40_000)
  for (let i = 0; i < 5; i++) t.true((await model.second(1900)).done > 1890)
  t.is(model.admission.share, 1)
})

for (const times of [1.5, 2, 5]) {
  test(`offered ${times} times what it can do, it does nine tenths of what it can, soon and steadily`, async (t) => {
    const model = new Model(2000, 10_000)
    await model.second(1000)
    await model.second(times * 2000)
    const possible = 2000 * (1 - 0.04 - times / 200) // some refusals in words, and what is left unread, are to be paid
    for (let i = 0; i < 10; i++) {
      const { done, lag } = await model.second(times * 2000)
      t.true(done > 0.9 * possible, `second ${i}: ${done} of ${possible}`)
      t.true(lag < 250, `second ${i}: a lag of ${lag} ms`)
    }
    for (let i = 0; i < 5; i++) await model.second(1000)
    t.is(model.admission.share, 1, 'and is itself again within 5 s')
    t.true((await model.second(1000)).done >= 999)
  })
}

test('what is under way or renewed is not refused before the lag is half a second', async (t) => {
  const clock = new ManualClock()
  let lag = 450
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => lag, busy })
  await rush(clock, admission)
  t.true(admission.share < 0.05)
  const kept = [
    request('NOTIFY', [], 'a'),
    request('BYE', [], 'a'),
    request('REGISTER', ['Authorization: Digest username="a"']),
    request('PUBLISH', ['SIP-If-Match: x']),
  ]
  for (let i = 0; i < 50; i++) for (const each of kept) t.true(admission.admits(each))
  const others = [fresh, request('REGISTER'), request('PUBLISH'), request('SUBSCRIBE')]
  const admitted = Array.from({ length: 400 }, (_, i) => admission.admits(others[i % 4]!)).filter(Boolean)
  t.true(admitted.length < 40)
  lag = 3000
  await rush(clock, admission, 200)
  const left = Array.from({ length: 400 }, (_, i) => admission.admits(kept[i % 4]!)).filter(Boolean).length
  t.true(left > 20 && left < 300, String(left))
  const bye = Array.from({ length: 400 }, () => admission.drops(kept[1]!.bytes)).filter(Boolean).length
  t.true(bye > 100, `${bye} of a flood with made-up tags go unread`)
  lag = 0
  await rush(clock, admission, 3000)
  for (const each of kept) t.true(admission.admits(each) && !admission.drops(each.bytes), 'and all is as it was')
})

test('unread go only datagrams that begin something, and as many as it takes', async (t) => {
  const clock = new ManualClock()
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => 450, busy })
  const dropped = (each: SipRequest | Buffer): number => {
    const bytes = each instanceof SipRequest ? each.bytes : each
    return Array.from({ length: 200 }, () => admission.drops(bytes)).filter(Boolean).length
  }
  const first = ['MESSAGE', 'INVITE', 'INFO', 'OPTIONS', 'PUBLISH', 'REGISTER', 'REFER', 'SUBSCRIBE'].map((name) => request(name))
  for (const each of first) t.is(dropped(each), 0, 'nothing while all is well')
  await rush(clock, admission)
  for (const each of first) t.true(dropped(each) > 150, each.method)
  const kept = [
    ...['NOTIFY', 'BYE', 'MESSAGE', 'INVITE', 'SUBSCRIBE', 'REFER'].map((name) => request(name, [], 'a')),
    ...['ACK', 'CANCEL', 'PRACK', 'UPDATE'].map((name) => request(name)),
    request('REGISTER', ['Authorization: Digest username="a"']),
    request('PUBLISH', ['SIP-If-Match: x']),
    Buffer.from('SIP/2.0 200 OK\r\n\r\n'),
    Buffer.from('\r\n\r\n'),
    Buffer.alloc(0),
  ]
  for (const each of kept) t.is(dropped(each), 0, String(each instanceof SipRequest ? each.method : each))
})

test('a machine that is busy with something else refuses nobody', async (t) => {
  const clock = new ManualClock()
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => 700, busy })
  for (let i = 0; i < 100; i++) t.true(admission.admits(fresh))
  for (let look = 0; look < 40; look++) {
    await clock.advance(50)
    for (let i = 0; i < 10; i++) t.true(admission.admits(fresh))
  }
})

test('a pause refuses nobody', async (t) => {
  const clock = new ManualClock()
  let lag = 0
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => lag, busy })
  for (let look = 0; look < 40; look++) {
    lag = look % 5 < 2 ? 400 : 0 // a collection of garbage takes as long, again and again
    for (let i = 0; i < 100; i++) t.true(admission.admits(fresh))
    await clock.advance(50)
  }
  t.is(admission.share, 1)
})

test('a quiet node is not woken', async (t) => {
  const clock = new ManualClock()
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => t.fail() as never, busy })
  for (let i = 0; i < 60; i++) admission.admits(fresh)
  t.is(clock.nextDue, undefined)
  await clock.advance(1000)
  t.pass()
})

test('feedback for peers that offer oc tells the loss that is wanted', async (t) => {
  const clock = new ManualClock()
  const admission = new Admission({ clock, ids: seededIds(1), lag: () => 900, busy })
  t.regex(admission.feedback(), /^;oc=0;oc-algo="loss";oc-validity=500;oc-seq=\d+\.1$/)
  await rush(clock, admission)
  t.regex(admission.feedback(), /^;oc=9\d;oc-algo="loss";/)
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
