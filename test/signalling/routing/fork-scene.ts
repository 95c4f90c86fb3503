/** A proxy that asks nobody for a password, and softphones around it that are told word by word what to say. */
import type { ExecutionContext } from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { Node, SipRequest, SipResponse } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { Lab } from '../../support/lab.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

export class ForkScene {
  readonly lab: Lab
  readonly node: Node
  private phones = 0
  private requests = 0
  private constructor(lab: Lab, node: Node) {
    this.lab = lab
    this.node = node
  }
  static async open(): Promise<ForkScene> {
    const lab = new Lab()
    const elements = [createProxy('proxy', { authenticate: 'none', registration: 'optional' }), createHss('hss', { open: true })]
    return new ForkScene(lab, await lab.serve(['localhost'], elements))
  }
  /** A phone at its own address, registered for `user` if one is given. */
  async phone(user?: string, parameters = ''): Promise<Wire> {
    const wire = await Wire.at(this.lab, `10.0.5.${++this.phones}`)
    if (user === undefined) return wire
    const aor = `sip:${user}@localhost`
    const contact = `Contact: <sip:${user}@${wire.here.host}:5060>${parameters}`
    this.send(wire, 'REGISTER', 'sip:localhost', {
      from: aor,
      to: aor,
      callId: wire.here.host,
      lines: [contact, 'Expires: 7200'],
    })
    await this.pass(100)
    if (wire.statuses[0] !== 200) throw new Error(`not registered: ${wire.statuses}`)
    wire.clear()
    return wire
  }
  /** Sends a request of that phone; gives its branch. */
  send(wire: Wire, method: string, uri: string, parts: RequestParts = {}): string {
    const branch = parts.branch ?? `z9hG4bK-${wire.here.host}-${++this.requests}`
    wire.send(requestText(method, uri, { via: wire.here.host, branch, ...parts }))
    return branch
  }
  async pass(ms: number): Promise<void> {
    await this.lab.clock.advance(ms)
  }
  /** Lets every timer run out: nothing may be left, and no fault of ours may have been met. */
  async quiet(t: ExecutionContext): Promise<void> {
    await this.pass(400_000)
    t.is(metric(this.node, 'server_transactions'), 0, 'server transactions are left')
    t.is(metric(this.node, 'client_transactions'), 0, 'client transactions are left')
    t.is(metric(this.node, 'faults_total'), 0)
  }
}

/** Route lines of the caller for requests in the dialog that this response made. */
export function callerRoutes(response: SipResponse): string[] {
  return response
    .list(H['Record-Route'])
    .reverse()
    .map((value) => `Route: ${value}`)
}

/** Route lines of the called one. */
export function calledRoutes(request: SipRequest): string[] {
  return request.list(H['Record-Route']).map((value) => `Route: ${value}`)
}

/** Start lines of what came, in order. */
export function story(wire: Wire): string[] {
  return wire.arrivals.map(({ bytes }) => bytes.toString('utf8').split('\r\n', 1)[0]!)
}
