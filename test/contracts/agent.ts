/** What every user agent does, whatever stack it stands on. */
import type { ExecutionContext, TestFn } from 'ava'
import type { NotifiedState, ReceivedBody, UserAgent, WatchListener } from '../../elements/ue/index.ts'
import { type Carried, Ground, type MakeAgent } from './agent-ground.ts'

/** Remembers what a subscription tells. */
class Listener implements WatchListener {
  readonly got: NotifiedState[] = []
  readonly ends: (readonly [status: number, why: string])[] = []
  notified(notified: NotifiedState): void {
    this.got.push(notified)
  }
  ended(status: number, why: string): void {
    this.ends.push([status, why])
  }
  get texts(): readonly string[] {
    return this.got.map(({ body }) => body.toString())
  }
}

const bell = { to: 'sip:bell@localhost', event: 'bell', accept: ['text/plain'], expires: 600 }
const text = (content: string) => ({ type: 'text/plain;charset=utf-8', content })
const json = (name: string, value: object) => ({ type: `application/vnd.proxima.${name}+json`, content: JSON.stringify(value) })
const parsed = ({ body }: ReceivedBody): { readonly [member: string]: unknown } => JSON.parse(body.toString())

export function agentContract(test: TestFn, name: string, carried: Carried, make: MakeAgent): void {
  const check = (title: string, run: (t: ExecutionContext, ground: Ground) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const ground = new Ground(carried, make)
      await ground.open()
      try {
        await run(t, ground)
      } finally {
        await ground.close()
      }
    })
  }
  const exchange = async (ground: Ground, from: UserAgent, to: UserAgent, content: string): Promise<string | number> => {
    let got: string | undefined
    to.onMessage((message) => {
      got ??= `${message.from} ${message.contentType} ${message.body.toString()}`
    })
    const answer = await ground.during(from.message(to.identity, text(content)))
    return answer.status === 200 && got !== undefined ? got : answer.status
  }

  check('registers, with the right password only', async (t, ground) => {
    const alice = await ground.agent('alice')
    t.is((await ground.during(alice.register(600))).status, 200)
    t.is((await ground.during(alice.register(600))).status, 200, 'again')
    const wrong = await ground.agent('bob', 'guess')
    t.is((await ground.during(wrong.register(600))).status, 401)
    const unknown = await ground.agent('nobody')
    t.is((await ground.during(unknown.register(600))).status, 401)
  })
  check('sends and gets messages, in any script', async (t, ground) => {
    const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
    const long = '近くに誰がいる？ кто рядом ☎ 🛰 grüß dich '.repeat(10)
    t.is(await exchange(ground, alice, bob, long), `sip:alice@localhost text/plain ${long}`)
    t.is(await exchange(ground, bob, alice, 'a\r\n\r\nb'), 'sip:bob@localhost text/plain a\r\n\r\nb')
  })
  check('has MESSAGEs answered by who takes them, repeats too, and tells what names them', async (t, ground) => {
    const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
    const others: string[] = []
    bob.onMessage(({ body }) => others.push(String(body)))
    const taken: string[] = []
    let status = 200
    bob.takeMessages((message) => {
      if (message.contentType !== 'text/plain') return undefined
      taken.push(`${message.callId} ${message.cseq} ${message.fromTag}`)
      return new Promise((resolve) => ground.clock.after(100, () => resolve(status)))
    })
    const send = async (): Promise<number> =>
      (await ground.during(alice.message(bob.identity, text('hello'), 'one-call-id'))).status
    for (status of [480, 200]) t.is(await send(), status)
    t.true([200, 482].includes(await send()), 'the stack may know by itself that it has it')
    t.true(taken.length >= 2)
    t.is(new Set(taken).size, 1, 'the same name each time')
    t.true(taken[0]!.startsWith('one-call-id 1 '))
    t.is((await ground.during(alice.message(bob.identity, { type: 'text/other', content: 'x' }))).status, 200)
    t.deepEqual(others, ['x'])
    bob.takeMessages(() => Promise.reject(new Error('it fails')))
    t.true((await ground.during(alice.message(bob.identity, text('hello')))).status >= 500)
  })
  check('registers with feature tags', async (t, ground) => {
    const alice = await ground.agent('alice')
    alice.contactParameters = [
      ['+g.proxima.app', 'org.example.chat,org.example.maps'],
      ['+g.proxima.ue', ''],
    ]
    t.is((await ground.during(alice.register(600))).status, 200)
    t.is((await ground.during(alice.register(600))).status, 200)
  })
  check('tells why a message was not taken', async (t, ground) => {
    const [alice, bob] = [await ground.registered('alice'), await ground.agent('bob')]
    t.is((await ground.during(alice.message('sip:bob@localhost', text('')))).status, 480)
    t.is((await ground.during(alice.message('sip:nobody@localhost', text('')))).status, 404)
    const answer = await ground.during(bob.message('sip:alice@localhost', text('')))
    t.is(answer.status, 403)
    t.is(answer.warning, 'register first')
  })
  check('subscribes, hears of changes, asks again and leaves', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    const watching = alice.subscribe({ ...bell, event: 'bell;volume=high', body: text('ü') }, listener)
    await ground.until('the first NOTIFY', () => listener.got.length === 1)
    t.is(ground.bell.parameters.get('volume'), 'high')
    t.is(listener.got[0]?.state, 'active')
    t.is(listener.got[0]?.contentType, 'text/plain')
    ground.bell.ring('läutet')
    await ground.until('a change', () => listener.texts.at(-1) === 'läutet')
    watching.refresh()
    await ground.until('a NOTIFY for the refresh', () => listener.got.length === 3)
    watching.refresh(text('other'))
    await ground.until('a NOTIFY for the other question', () => listener.got.length === 4)
    t.deepEqual(ground.bell.asked, ['ü', 'ü', 'other'])
    t.is(ground.bell.notifiers.length, 1, 'one subscription all along')
    watching.unsubscribe()
    await ground.until('the end', () => listener.ends.length === 1)
    t.is(listener.ends[0]?.[0], 200)
    t.is(listener.got.at(-1)?.state, 'terminated')
    await ground.until('the notifier to know', () => !ground.bell.notifiers[0]!.live)
    t.deepEqual(listener.texts.slice(0, 4), ['silent', 'läutet', 'läutet', 'läutet'])
  })
  check('refreshes in time', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe({ ...bell, expires: 8 }, listener) // refreshed 5 s before its end
    await ground.until('two refreshes', () => ground.bell.refreshes >= 2)
    t.true(ground.bell.notifiers.at(-1)?.live)
    // a machine that stops for 5 s lets one run out
    if (ground.bell.notifiers.length === 1) t.deepEqual(listener.ends, [])
  })
  check('goes through an element that it names, and asks again with what its body is then', async (t, ground) => {
    const alice = await ground.registered('alice')
    const [attached, served] = [new Listener(), new Listener()]
    const [mme, prose] = ['sip:mme@localhost', 'sip:prose@localhost']
    const standing = { accept: [], expires: 600 }
    const body = json('attach-request', { capabilities: { prose: true } })
    alice.subscribe({ ...standing, to: mme, event: 'attach', body }, attached)
    await ground.until('the temporary identifier', () => attached.got.length === 1)
    const device = parsed(attached.got[0]!)['temporary']
    let roles = ['discoverer']
    const asking = { ...standing, to: prose, event: 'prose', through: mme, body: () => json('prose-request', { device, roles }) }
    const watching = alice.subscribe(asking, served)
    await ground.until('the first NOTIFY', () => served.got.length === 1)
    t.is(parsed(served.got[0]!)['device'], device)
    const match = json('prose-match', { heard: [{ code: 'ab'.repeat(23), at: '2026-01-01T00:00:00Z' }], device })
    t.is((await ground.during(alice.message(prose, match, undefined, mme))).status, 404)
    roles = ['discoverable']
    watching.refresh()
    await ground.until('the other role', () => parsed(served.got.at(-1)!)['announce'] !== undefined)
    watching.unsubscribe()
    await ground.until('the end', () => served.ends.length === 1)
  })
  check('asks once', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe({ ...bell, expires: 0 }, listener)
    await ground.until('the end', () => listener.ends.length === 1)
    t.deepEqual(listener.texts, ['silent'])
    t.is(listener.got[0]?.state, 'terminated')
    t.is(listener.ends[0]?.[0], 200)
  })
  check('leaves before the first NOTIFY', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe(bell, listener).unsubscribe()
    await ground.until('the end', () => listener.ends.length === 1)
    t.is(listener.ends[0]?.[0], 200)
    await ground.until('the notifier to know', () => !ground.bell.notifiers.some(({ live }) => live))
  })
  check('is told that it may not subscribe', async (t, ground) => {
    const alice = await ground.registered('alice')
    ground.bell.refuse = 403
    const listener = new Listener()
    alice.subscribe(bell, listener)
    await ground.until('the refusal', () => listener.ends.length === 1)
    t.is(listener.ends[0]?.[0], 403)
    t.deepEqual(listener.got, [])
  })
  check('is told that the notifier ends it for good', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe(bell, listener)
    await ground.until('the first NOTIFY', () => listener.got.length === 1)
    ground.bell.notifiers[0]!.terminate('rejected')
    await ground.until('the end', () => listener.ends.length === 1)
    t.deepEqual(listener.ends, [[200, 'rejected']])
    t.is(listener.got.at(-1)?.reason, 'rejected')
  })
  check('comes back when the notifier ends it for now', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe({ ...bell, body: text('me') }, listener)
    await ground.until('the first NOTIFY', () => listener.got.length === 1)
    ground.bell.notifiers[0]!.terminate('deactivated')
    await ground.until('another subscription', () => ground.bell.notifiers.length === 2 && listener.got.length >= 3)
    t.deepEqual(ground.bell.asked, ['me', 'me'])
    t.deepEqual(listener.ends, [])
  })
  check('holds several subscriptions at once', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listeners = Array.from({ length: 5 }, () => new Listener())
    const watchings = listeners.map((listener) => alice.subscribe(bell, listener))
    await ground.until('all first NOTIFYs', () => listeners.every(({ got }) => got.length === 1))
    watchings[2]!.unsubscribe()
    await ground.until('one left', () => listeners[2]!.ends.length === 1)
    ground.bell.ring('loud')
    await ground.until('the others to hear', () => listeners.filter(({ texts }) => texts.at(-1) === 'loud').length >= 4)
    t.deepEqual(
      listeners.map(({ ends }) => ends.length),
      [0, 0, 1, 0, 0],
    )
  })
  check('asks for proximity and learns who is near', async (t, ground) => {
    const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
    const request = (agent: UserAgent, listener: Listener) =>
      agent.subscribe(
        {
          to: 'sip:prose@localhost',
          event: 'prose',
          accept: ['application/vnd.proxima.prose-state+json'],
          expires: 600,
          body: json('prose-request', { device: agent.identity, roles: ['discoverable', 'discoverer'] }),
        },
        listener,
      )
    const [ofAlice, ofBob, near, pair] = [new Listener(), new Listener(), new Listener(), new Listener()]
    request(alice, ofAlice)
    request(bob, ofBob)
    await ground.until('both states', () => ofAlice.got.length > 0 && ofBob.got.length > 0)
    alice.subscribe(
      {
        to: 'sip:prose@localhost',
        event: 'proximity;min-rate=0.01',
        accept: ['application/vnd.proxima.proximity-list+json'],
        expires: 600,
        body: json('proximity-query', { device: alice.identity }),
      },
      near,
    )
    await ground.until('the list', () => near.got.length === 1)
    t.deepEqual(parsed(near.got[0]!)['proximate'], [])
    const { code } = parsed(ofBob.got[0]!)['announce'] as { readonly code: string }
    const at = new Date(ground.clock.date()).toISOString()
    const answer = await ground.during(alice.message('sip:prose@localhost', json('prose-match', { heard: [{ code, at }] })))
    t.is(answer.status, 200)
    await ground.until('bob to be near', () => near.got.length === 2)
    const [entry] = parsed(near.got[1]!)['proximate'] as readonly { readonly device: string }[]
    t.is(entry?.device, 'sip:bob@localhost')
    alice.subscribe(
      {
        to: 'sip:prose@localhost',
        event: 'proximity;peer="sip:bob@localhost"',
        accept: ['application/vnd.proxima.proximity-pair+json'],
        expires: 0,
      },
      pair,
    )
    await ground.until('the pair', () => pair.got.length === 1)
    t.is(parsed(pair.got[0]!)['proximate'], true)
  })
  check('unregisters, leaves and is silent when it stops', async (t, ground) => {
    const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
    const listener = new Listener()
    bob.subscribe(bell, listener)
    await ground.until('the first NOTIFY', () => listener.got.length === 1)
    await ground.during(bob.stop())
    await ground.until('the subscription to end', () => !ground.bell.notifiers[0]!.live)
    const { status } = await ground.during(alice.message('sip:bob@localhost', text('')))
    if (bob.constructor.name === 'SipJsAgent') t.is(status, 480, 'unregistered')
    else t.true(status >= 400 || status === 200)
  })

  if (carried === 'TCP' || carried === 'WS') {
    check('connects again, and its subscriptions find their way', async (t, ground) => {
      const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
      const listener = new Listener()
      alice.subscribe(bell, listener)
      await ground.until('the first NOTIFY', () => listener.got.length === 1)
      ground.cut()
      ground.bell.ring('while away')
      await ground.until('the news', () => listener.texts.at(-1) === 'while away')
      ground.bell.ring('after')
      await ground.until('more news', () => listener.texts.at(-1) === 'after')
      t.true(ground.bell.notifiers.filter(({ live }) => live).length >= 1)
      t.deepEqual(listener.ends, [])
      let came = ''
      await ground.until('a message to get through', () => {
        void exchange(ground, bob, alice, 'there?').then((got) => {
          if (typeof got === 'string') came = got
        })
        return came !== ''
      })
      t.regex(came, /there\?/)
    })
    check('asks over a new connection as who is registered again', async (t, ground) => {
      const alice = await ground.registered('alice')
      await ground.registered('bob')
      await ground.cutOff()
      let status = 503
      while (status === 503) ({ status } = await ground.during(alice.message('sip:bob@localhost', text('at once'))))
      t.true(status === 200 || status === 480, `${status}: bob is there, or not yet again`)
    })
    check('unsubscribes when the server is back, where it was away', async (t, ground) => {
      const alice = await ground.registered('alice')
      const listener = new Listener()
      const watching = alice.subscribe(bell, listener)
      await ground.until('the first NOTIFY', () => listener.got.length === 1)
      await ground.restart(async () => {
        watching.unsubscribe()
        const { status } = await ground.during(alice.message('sip:bob@localhost', text('hello?')))
        t.true(status === 503 || status === 408, `${status}`) // 408: it left before the end of the connection was seen
      })
      await ground.until('the subscription to end', () => ground.bell.notifiers.at(-1)?.live === false)
      await ground.until('alice to know', () => listener.ends.length === 1)
      t.not(listener.ends[0]?.[0], 503, 'she has asked again')
    })
    check('says 503 where there is no connection', async (t, ground) => {
      const nowhere = await make(ground, 'alice', 'alice-proxima', { host: '127.0.0.1', port: 1 })
      t.is((await ground.during(nowhere.register(600))).status, 503)
      t.is((await ground.during(nowhere.message('sip:bob@localhost', text('')))).status, 503)
      await ground.during(nowhere.stop())
    })
  }
  check('goes on when the server was started again', async (t, ground) => {
    const alice = await ground.registered('alice')
    const listener = new Listener()
    alice.subscribe(bell, listener)
    await ground.until('the first NOTIFY', () => listener.got.length === 1)
    await ground.restart()
    ground.bell.ring('new server')
    await ground.until('the news', () => listener.texts.at(-1) === 'new server')
    t.deepEqual(listener.ends, [])
  })
}
