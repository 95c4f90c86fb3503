/** The proximity server with an HSS beside it, in virtual time, and what its tests ask of it. */
import { createHss, type Hss, type HssSettings } from '../../../elements/hss/index.ts'
import { createProse, type ProseSettings } from '../../../elements/prose/index.ts'
import type { ProseState, ProximityList } from '../../../elements/schemas/index.ts'
import type { Element } from '../../../signalling/index.ts'
import { ElementNetwork, type PlayedAnswer, type PlayedSubscription } from '../../support/element-network.ts'
import { type Asking, json } from '../../support/requests.ts'

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
  readonly network = new ElementNetwork()
  readonly settings: ProseSettings
  hss!: Hss
  prose!: Element

  constructor(settings: ProseSettings) {
    this.settings = settings
  }
  async open(): Promise<this> {
    this.hss = await this.network.add(createHss('hss', { subscribers }))
    await this.restart()
    return this
  }
  async restart(): Promise<void> {
    this.prose = await this.network.add(createProse('prose', this.settings))
  }
  ask(method: string, to: string, asking: Asking): Promise<PlayedAnswer> {
    return this.network.ask('prose', method, to, asking)
  }
  request(user: string, body?: object, more: Asking = {}): Promise<PlayedAnswer> {
    return this.ask('SUBSCRIBE', service, {
      asserted: sip(user),
      event: 'prose',
      body: body && json('prose-request', body),
      ...more,
    })
  }
  /** A granted proximity service request of that user. */
  async join(user: string, body?: object): Promise<PlayedSubscription> {
    return (await this.request(user, body)).subscription!
  }
  query(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<PlayedAnswer> {
    const { to = service, ...asking } = more
    return this.ask('SUBSCRIBE', to, {
      asserted: sip(user),
      event: 'proximity',
      body: body && json('proximity-query', body),
      ...asking,
    })
  }
  async watch(user: string, body?: object, more: Asking & { to?: string } = {}): Promise<PlayedSubscription> {
    return (await this.query(user, body, more)).subscription!
  }
  report(user: string, heard: readonly string[], lost: readonly string[] = [], extra: object = {}): Promise<PlayedAnswer> {
    const at = new Date(this.network.clock.date()).toISOString()
    const body = { heard: heard.map((code) => ({ code, at, ...extra })), lost }
    return this.ask('MESSAGE', service, { asserted: sip(user), body: json('prose-match', body) })
  }
  trigger(asserted: string, body: object): Promise<PlayedAnswer> {
    return this.ask('MESSAGE', service, { asserted, body: json('prose-monitor', body) })
  }
  /** Value of a count or a gauge of the proximity server. */
  metric(name: string): number {
    return this.network.metric('prose', name)
  }
}
export const scene = (settings: ProseSettings = {}): Promise<Scene> => new Scene(settings).open()
export const stateOf = (subscription: PlayedSubscription): ProseState => subscription.last as ProseState
export const codeOf = (subscription: PlayedSubscription): string => stateOf(subscription).announce!.code
export const names = (list: unknown): string[] => (list as ProximityList).proximate.map(({ device }) => device)
