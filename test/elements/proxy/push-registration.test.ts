/** The proxy's word to Push servers about the Contacts of a subscriber's devices (SPEC §5.1). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createPush } from '../../../elements/push/index.ts'
import type { Element, Exchange, SipRequest } from '../../../signalling/index.ts'
import { type Agent, Lab } from '../../support/lab.ts'

const permissions = { discoverable: false, discoverer: false }
const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
const id = '0a17c5d2e8b9f604'
const bob = 'sip:bob@localhost'

/** A Push server played by the test: what it is told, answered as it says. */
class ToldServer implements Element {
  readonly name = 'push'
  readonly claims = [{ method: 'REGISTER', user: 'push' }]
  readonly requests: SipRequest[] = []
  /** Undefined: it answers when `release` is called. */
  status: number | undefined = 200
  private readonly held: (() => void)[] = []

  start(): void {}
  async handle(exchange: Exchange): Promise<void> {
    this.requests.push(exchange.request)
    if (this.status === undefined) await new Promise<void>((resolve) => this.held.push(resolve))
    exchange.reply(this.status ?? 200)
  }
  release(): void {
    for (const resolve of this.held.splice(0)) resolve()
  }
  /** Users of the Contacts and their seconds, in the order in which it was told. */
  get words(): readonly string[] {
    return this.requests.flatMap(({ contacts }) =>
      (contacts === '*' ? [] : (contacts ?? [])).map(({ parameters, uri }) => `${uri.user} ${parameters.get('expires')}`),
    )
  }
}

class RegisteringPhone {
  readonly lab: Lab
  readonly agent: Agent
  private cseq = 0

  private constructor(lab: Lab, agent: Agent) {
    this.lab = lab
    this.agent = agent
  }
  static async beside(push: Element): Promise<RegisteringPhone> {
    const lab = new Lab()
    const subscribers = [{ id: 'bob', password: 'bob-proxima', permissions, push: [{ id }] }]
    const proxy = createProxy('proxy', { push: [{ element: 'push', flags: '0000' }] })
    const hss = createHss('hss', { subscribers, askers: ['proxy', 'push'] })
    await lab.serve(['localhost', '10.0.0.1'], [proxy, hss, push])
    const phone = new RegisteringPhone(lab, await lab.agent('bob'))
    await lab.clock.advance(200)
    return phone
  }
  async ask(method: string, to: string, headers: readonly (readonly [string, string])[] = []): Promise<number> {
    const credentials = { user: 'bob', password: 'bob-proxima' }
    this.cseq += 2 // a challenge takes the number between
    const route = ['<sip:10.0.0.1;lr>']
    const { cseq } = this
    const sent = this.agent.host.send({ method, to, from: bob, route, callId: method, cseq, headers, credentials })
    return (await this.lab.during(sent, 4000)).status
  }
  register(...contacts: readonly (readonly [user: string, expires: number, parameter?: string])[]): Promise<number> {
    const values = contacts.map(
      ([user, expires, parameter = `;${instance}`]) =>
        ['Contact', `<sip:${user}@10.0.1.1:5060>${parameter};expires=${expires}`] as const,
    )
    return this.ask('REGISTER', bob, values)
  }
}

test('a device that takes back one of its two Contacts is reached at the other', async (t) => {
  const phone = await RegisteringPhone.beside(createPush('push', {}))
  const push = (): Promise<number> => phone.ask('MESSAGE', `sip:${id}@push.localhost`)
  t.is(await phone.register(['first', 600]), 200)
  t.is(await phone.register(['second', 600]), 200)
  t.is(await push(), 200)
  t.is(await phone.register(['second', 0]), 200)
  t.is(await push(), 200)
  t.is(await phone.register(['first', 0]), 200)
  t.deepEqual(
    phone.agent.got.map(({ request }) => request.uri.user),
    ['second', 'first'],
  )
  t.deepEqual(phone.lab.errors, [])
})

test('a Push server that was down is told of each device as it is then, once', async (t) => {
  const push = new ToldServer()
  const phone = await RegisteringPhone.beside(push)
  push.status = 503
  for (let minute = 0; minute < 30; minute++) {
    t.is(await phone.register(['refreshed', 3600], ['other', 3600, '']), 200)
    await phone.lab.clock.advance(60_000)
  }
  t.is(await phone.register(['moved', 3600]), 200)
  t.is(await phone.register(['other', 0, '']), 200)
  await phone.lab.clock.advance(70_000)
  const { length } = push.requests
  await phone.lab.clock.advance(600_000)
  t.true(push.requests.length - length <= 2 * 11, 'one REGISTER a device and minute')
  push.requests.length = 0
  push.status = 200
  await phone.lab.clock.advance(3_000_000)
  t.deepEqual(push.words.map((word) => word.replace(/ [1-9]\d*$/, '')).toSorted(), ['moved', 'other 0'])
})

test('a Push server that answers late is told of one registration at a time, the newest last', async (t) => {
  const push = new ToldServer()
  const phone = await RegisteringPhone.beside(push)
  const users = (): readonly string[] => push.words.map((word) => word.split(' ', 1).join())
  push.status = undefined
  for (const user of ['first', 'second', 'third']) t.is(await phone.register([user, 600]), 200)
  t.deepEqual(users(), ['first'])
  push.release()
  await phone.lab.clock.advance(100)
  push.release()
  await phone.lab.clock.advance(100_000)
  t.deepEqual(users(), ['first', 'third'])
})
