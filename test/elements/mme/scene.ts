/** An MME between UEs and the proximity server, in virtual time: real SIP in one node, everything between its elements taped. */
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createMme, type Mme, type MmeSettings } from '../../../elements/mme/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { mediaType } from '../../../elements/schemas/index.ts'
import {
  memoryStore,
  type Notification,
  type Store,
  type SubscribeOptions,
  type Subscription,
} from '../../../signalling/index.ts'
import { type Agent, Lab } from '../../support/lab.ts'

export const mmeUri = 'sip:mme@localhost'
const server = '<sip:10.0.0.1;lr>'
export const sip = (name: string): string => `sip:${name}@localhost`

/** A standing or one-off question, and what has come of it. */
export interface Asked {
  readonly subscription: Subscription
  readonly notifications: Notification[]
  status: number
  /** Newest body. */
  readonly last: () => { readonly [member: string]: unknown }
}

export class MmeScene {
  readonly lab = new Lab()
  /** While true, nothing can be written. */
  full = false
  readonly mme: Mme
  readonly hss: Hss

  private constructor(settings: MmeSettings) {
    this.mme = createMme('mme', settings)
    this.hss = createHss('hss', {
      subscribers: ['alice', 'bob', 'carol', 'eve'].map((name) => ({
        id: sip(name),
        password: `${name}-proxima`,
        permissions: { discoverable: name !== 'eve', discoverer: name !== 'eve' },
        ...(name === 'bob' ? { servers: [{ uri: sip('alice'), application: 'chess' }] } : {}),
      })),
    })
  }
  static async open(settings: MmeSettings = {}): Promise<MmeScene> {
    const scene = new MmeScene(settings)
    const elements = [createProxy('proxy', { through: ['mme'] }), scene.hss, createProse('prose', {}), scene.mme]
    const store = memoryStore(scene.lab.clock)
    const write: Store['write'] = (writes) => (scene.full ? Promise.reject(new Error('no space')) : store.write(writes))
    await scene.lab.serve(['localhost'], elements, Object.assign(Object.create(store) as Store, { write }))
    return scene
  }
  async ue(name: string): Promise<Agent> {
    const agent = await this.lab.agent(name)
    const answer = await this.lab.during(
      agent.host.send({
        method: 'REGISTER',
        to: sip(name),
        from: sip(name),
        route: [server],
        headers: [['Contact', `<${agent.host.contact}>`]],
        credentials: { user: name, password: `${name}-proxima` },
      }),
    )
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status}`)
    return agent
  }
  /** A registered and attached UE, and its attachment. */
  async attached(name: string, request: object = { capabilities: { prose: true } }): Promise<[Agent, Asked]> {
    const ue = await this.ue(name)
    const attachment = await this.ask(ue, mmeUri, 'attach', request, { through: false })
    return [ue, attachment]
  }
  async ask(
    ue: Agent,
    to: string,
    event: string,
    body: object | string | undefined,
    { through = true, ...more }: Partial<SubscribeOptions> & { through?: boolean } = {},
  ): Promise<Asked> {
    const notifications: Notification[] = []
    const types = { attach: 'attach-request', prose: 'prose-request', proximity: 'proximity-query' } as const
    const type = mediaType(types[event.split(';')[0] as keyof typeof types])
    const subscription = ue.host.subscribe(
      {
        to,
        event,
        from: sip(ue.name),
        asserted: '',
        route: through ? [server, `<${mmeUri};lr>`] : [server],
        expires: 600,
        ...(body === undefined ? {} : { body: { type, content: typeof body === 'string' ? body : JSON.stringify(body) } }),
        ...more,
      },
      {
        notified: (notification) => notifications.push(notification),
        ended: ({ status }) => {
          asked.status = status
        },
      },
    )
    const last = (): ReturnType<Asked['last']> =>
      JSON.parse(notifications.findLast(({ request }) => request.body.length > 0)!.request.body.toString())
    const asked: Asked = { subscription, notifications, status: 0, last }
    await this.lab.clock.advance(1000)
    return asked
  }
  /** Status of a MESSAGE through the MME. */
  async tell(
    ue: Agent,
    to: string,
    type: string,
    body: object | string,
    route: readonly string[] = [`<${mmeUri};lr>`],
  ): Promise<number> {
    const content = typeof body === 'string' ? body : JSON.stringify(body)
    const sent = ue.host.send({ method: 'MESSAGE', to, from: sip(ue.name), route: [server, ...route], body: { type, content } })
    return (await this.lab.during(sent)).status
  }
  temporary(name: string): string {
    const temporary = this.mme.attached(sip(name))?.temporary
    if (temporary === undefined) throw new Error(`${name} is not attached`)
    return temporary
  }
  /** Every message that the proximity server or the HSS has sent or got, as text. */
  get beyond(): readonly string[] {
    const far = ['prose', 'hss']
    return this.lab.tap.messages
      .filter(({ from, to }) => far.includes(from.name ?? '') || far.includes(to.name ?? ''))
      .map(({ bytes }) => Buffer.from(bytes).toString())
  }
}
