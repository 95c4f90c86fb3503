/** An element that subscribes, and a notifier that is told word by word what to say. */
import type { Node, SipRequest, SubscribeOptions, Subscription } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { type Agent, Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

interface Told {
  readonly state: string
  readonly body: string
}

export class SubscriberScene {
  readonly lab = new Lab()
  readonly notifications: Told[] = []
  readonly endings: (readonly [status: number, reason: string])[] = []
  wire!: Wire
  agent!: Agent
  node!: Node
  subscription!: Subscription
  private cseq = 0
  /** Status for each SUBSCRIBE; undefined: silence. */
  reply: (request: SipRequest) => number | undefined = () => 200
  /** Header fields of each answer besides. */
  more: readonly [string, string][] = []

  static async open(
    options: Partial<SubscribeOptions> = {},
    prepare: (scene: SubscriberScene) => void = () => undefined,
  ): Promise<SubscriberScene> {
    const scene = new SubscriberScene()
    scene.agent = await scene.lab.agent('watcher')
    scene.node = scene.lab.nodes.at(-1)!
    scene.wire = await Wire.at(scene.lab, '10.0.7.1', 5060, { host: '10.0.1.1', port: 5060 })
    scene.wire.onRequest = (request) => {
      const status = scene.reply(request)
      if (status === undefined) return
      const headers: [string, string][] = [['Contact', '<sip:notifier@10.0.7.1>'], ...scene.more]
      if (status < 300) headers.push(['Expires', request.text(H.Expires)!])
      scene.wire.answer(request, status, { toTag: 'notifier', headers })
    }
    prepare(scene)
    scene.subscription = scene.agent.host.subscribe(
      { to: 'sip:resource@10.0.7.1', event: 'tick', expires: 600, ...options },
      {
        notified: ({ request, state, reason }) =>
          scene.notifications.push({ state: reason === undefined ? state : `${state}/${reason}`, body: request.body.toString() }),
        ended: ({ status, reason }) => scene.endings.push([status, reason]),
      },
    )
    await scene.pass(20)
    return scene
  }
  pass(ms: number): Promise<void> {
    return this.lab.clock.advance(ms)
  }
  get subscribes(): readonly SipRequest[] {
    const seen = new Set<string>()
    return this.wire.requests.filter(({ via }) => !seen.has(via!.branch!) && seen.add(via!.branch!))
  }
  get made(): number {
    return metric(this.node, 'subscriptions_made')
  }
  /** A NOTIFY in the dialog of the last SUBSCRIBE; gives the status of its answer. */
  async notify(
    state: string,
    body = '',
    change: { tag?: string; cseq?: number; event?: string; lines?: readonly string[] } = {},
  ): Promise<number | undefined> {
    const request = this.subscribes.at(-1)!
    const cseq = change.cseq ?? ++this.cseq
    this.wire.send(
      requestText('NOTIFY', request.contacts === '*' ? '' : request.contacts![0]!.uri.text, {
        via: '10.0.7.1',
        branch: `z9hG4bK-notify-${this.lab.clock.now()}-${cseq}`,
        from: 'sip:resource@10.0.7.1',
        fromTag: change.tag ?? 'notifier',
        to: request.from.uri.text,
        toTag: request.fromTag,
        callId: request.callId,
        cseq,
        lines: [
          ...(change.lines ?? []),
          `Event: ${change.event ?? 'tick'}`,
          `Subscription-State: ${state}`,
          'Contact: <sip:notifier@10.0.7.1>',
        ],
        body,
      }),
    )
    const before = this.wire.responses.length
    await this.pass(20)
    return this.wire.statuses[before]
  }
}
