/** Sessions in virtual time: two elements that call each other, or one and a bare end across from it. */
import type {
  CallerListener,
  Exchange,
  OutgoingInvite,
  Session,
  SessionListener,
  SipRequest,
  SipResponse,
} from '../../../signalling/index.ts'
import { type Agent, Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

/** Notes what a side is told. */
export class Side implements CallerListener, SessionListener {
  readonly words: string[] = []
  session!: Session
  progressed({ status }: SipResponse): void {
    this.words.push(String(status))
  }
  answered(session: Session, response: SipResponse): void {
    this.session = session
    this.words.push(`${response.status} ${response.body.toString()}`.trim())
  }
  refused({ status }: SipResponse): void {
    this.words.push(`refused ${status}`)
  }
  ended({ by, reason }: { by: string; reason: string | undefined }): void {
    this.words.push(`ended by ${by}${reason === undefined ? '' : `: ${reason}`}`)
  }
}

const sdp = (content: string) => ({ type: 'application/sdp', content })

/** alice calls bob, each an element of a node of its own. */
export class Call {
  readonly lab = new Lab()
  readonly caller = new Side()
  readonly callee = new Side()
  readonly exchanges: Exchange[] = []
  alice!: Agent
  bob!: Agent

  static async open(
    onInvite: (call: Call, exchange: Exchange) => unknown = (call, exchange) => call.accept(exchange),
  ): Promise<Call> {
    const call = new Call()
    call.alice = await call.lab.agent('alice')
    call.bob = await call.lab.agent('bob')
    call.bob.answer = (exchange) => {
      call.exchanges.push(exchange)
      if (exchange.request.method === 'INVITE') return onInvite(call, exchange)
      return exchange.request.method === 'ACK' ? undefined : exchange.reply(481)
    }
    return call
  }
  accept(exchange: Exchange): void {
    this.callee.session = exchange.answerInvite({ body: sdp('answer') }, this.callee)
  }
  invite(request: Partial<OutgoingInvite> = {}) {
    return this.alice.host.invite({ to: 'sip:bob@10.0.1.2', body: sdp('offer'), ...request }, this.caller)
  }
  later(act: () => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.lab.clock.after(1000, () => {
        act()
        resolve()
      })
    })
  }
  pass(ms = 100): Promise<void> {
    return this.lab.clock.advance(ms)
  }
}

/** A bare end at 10.0.9.9 that stands across from an element at 10.0.1.1. */
export async function wired(
  lab = new Lab(),
): Promise<{ lab: Lab; agent: Agent; wire: Wire; side: Side; pass: (ms?: number) => Promise<void> }> {
  const agent = await lab.agent('agent')
  const wire = await Wire.at(lab, '10.0.9.9', 5060, { host: '10.0.1.1', port: 5060 })
  return { lab, agent, wire, side: new Side(), pass: (ms = 100) => lab.clock.advance(ms) }
}
export const methods = (wire: Wire): readonly string[] => wire.requests.map(({ method, cseq }) => `${method} ${cseq.number}`)

/** An INVITE that the element at 10.0.1.1 answers; the peer says no ACK by itself. */
export async function answered(lab = new Lab()) {
  const scene = await wired(lab)
  scene.agent.answer = (exchange) => {
    if (exchange.request.method === 'INVITE') scene.side.session = exchange.answerInvite({ body: sdp('answer') }, scene.side)
    else if (exchange.request.method !== 'ACK') exchange.reply(481)
  }
  const lines = ['Contact: <sip:peer@10.0.9.9>', 'Record-Route: <sip:10.0.9.9;lr>']
  const say = async (
    method: string,
    cseq: number,
    more: { fromTag?: string; noTag?: true } = {},
  ): Promise<SipRequest | undefined> => {
    const toTag = more.noTag === true ? {} : { toTag: scene.wire.responses.find(({ status }) => status === 200)!.toTag }
    const parts = { via: '10.0.9.9', branch: `z9hG4bK-${method}-${cseq}-${more.fromTag}`, cseq, lines, ...toTag, ...more }
    scene.wire.send(requestText(method, 'sip:agent@10.0.1.1', parts))
    await scene.pass()
    return scene.wire.requests.at(-1)
  }
  await say('INVITE', 5, { noTag: true })
  return { ...scene, say }
}
