/** The proximity server with an HSS beside it, in virtual time, and what its tests ask of it. */
import { createHss, type Hss, type HssSettings } from '../../../elements/hss/index.ts'
import { createProse, type ProseSettings } from '../../../elements/prose/index.ts'
import type { ProseState, ProximityList } from '../../../elements/schemas/index.ts'
import { type Asking, type FakeExchange, type FakeHost, FakeNetwork, type FakeNotifier, json } from '../../support/fake-host.ts'

export const all = { discoverable: true, discoverer: true }
const subscribers: HssSettings['subscribers'] = [
  { id: 'alice', permissions: all, aliases: ['tel:+4930111'], servers: [{ uri: 'as', application: 'chess' }], friends: ['bob'] },
  { id: 'bob', permissions: all },
  { id: 'carol', permissions: { discoverable: true, discoverer: false }, friends: ['bob'] },
  { id: 'dave', permissions: { discoverable: false, discoverer: true } },
  { id: 'eve', permissions: { discoverable: false, discoverer: false } },
]
export const sip = (user: string): string => `sip:${user}@localhost`
export const service = sip('prose')

export class Scene {
  readonly network = new FakeNetwork()
  readonly settings: ProseSettings
  hss!: Hss
  prose!: FakeHost

  constructor(settings: ProseSettings) {
    this.settings = settings
  }
  async open(): Promise<this> {
    this.hss = createHss('hss', { subscribers })
    await this.network.add(this.hss)
    await this.restart()
    return this
  }
  async restart(): Promise<void> {
    await this.prose?.element.stop?.()
    this.prose = await this.network.add(createProse('prose', this.settings))
  }
  ask(method: string, to: string, asking: Asking): Promise<FakeExchange> {
    return this.network.ask('prose', method, to, asking)
  }
  request(user: string, body?: object, more: Asking = {}): Promise<FakeExchange> {
    return this.ask('SUBSCRIBE', service, {
      asserted: sip(user),
      event: 'prose',
      body: body && json('prose-request', body),
      ...more,
    })
  }
  /** A granted proximity service request of that user. */
  async join(user: string, body?: object): Promise<FakeNotifier> {
    return (await this.request(user, body)).notifier!
  }
  query(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<FakeExchange> {
    const { to = service, ...asking } = more
    return this.ask('SUBSCRIBE', to, {
      asserted: sip(user),
      event: 'proximity',
      body: body && json('proximity-query', body),
      ...asking,
    })
  }
  async watch(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<FakeNotifier> {
    return (await this.query(user, body, more)).notifier!
  }
  report(user: string, heard: readonly string[], lost: readonly string[] = [], extra: object = {}): Promise<FakeExchange> {
    const at = new Date(this.network.clock.date()).toISOString()
    const body = { heard: heard.map((code) => ({ code, at, ...extra })), lost }
    return this.ask('MESSAGE', service, { asserted: sip(user), body: json('prose-match', body) })
  }
  trigger(asserted: string, body: object): Promise<FakeExchange> {
    return this.ask('MESSAGE', service, { asserted, body: json('prose-monitor', body) })
  }
  /** Live notifiers after a restart. */
  notifiers(packageName: string): FakeNotifier[] {
    return [...this.prose.notifiers].filter((one) => one.package === packageName)
  }
}
export const scene = (settings: ProseSettings = {}): Promise<Scene> => new Scene(settings).open()
export const stateOf = (notifier: FakeNotifier): ProseState => notifier.last as ProseState
export const codeOf = (notifier: FakeNotifier): string => stateOf(notifier).announce!.code
export const names = (list: unknown): string[] => (list as ProximityList).proximate.map(({ device }) => device)
