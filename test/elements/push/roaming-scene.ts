/** Operators of `push-roaming.yaml` in virtual time, one node each; those that are not started are played by the test. */
import type { ExecutionContext } from 'ava'
import { networkOf } from '../../../dialplans/flows/index.ts'
import { assemble } from '../../../dialplans/network/assemble.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'
import { loadOperators } from '../../../dialplans/network/load.ts'
import { withPeers } from '../../../dialplans/network/peers.ts'
import { createNode, memoryStore, type Node, type SipRequest, type SipResponse, silent } from '../../../signalling/index.ts'
import { answerChallenge, ManualClock, MemoryNetwork, type MemoryTap, memoryTap, seededIds } from '../../../signalling/testing.ts'
import { fanTap, type TappedMessage } from '../../../signalling/tools.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

export type OperatorName = 'op-a' | 'op-b' | 'op-c'

export const places: { readonly [name in OperatorName]: string } = { 'op-a': '10.0.0.1', 'op-b': '10.0.0.2', 'op-c': '10.0.0.3' }
export const ids = { alice: '0a17c5d2e8b9f604', carol: '3c5e0f91a7b24d68', bob: '4f3a9c0b12d47e58', erin: '8d21c5d2e8b9f604' }

/** `sip:<id>@push.op-a.example;user=push` of a user. */
export function pushOf(user: keyof typeof ids): string {
  const operator = { alice: 'op-a', carol: 'op-a', bob: 'op-b', erin: 'op-c' }[user]
  return `sip:${ids[user]}@push.${operator}.example;user=push`
}

const loaded = loadOperators(networkOf({ network: 'push-roaming.yaml' }))
if (loaded.faults !== undefined) throw new Error('push-roaming.yaml has faults')
const planned: readonly Dialplan[] = loaded.value.map((dialplan) => ({
  ...dialplan,
  nodes: [],
  data: 'memory',
  listen: [{ transport: 'MEM', host: places[dialplan.operator as OperatorName], port: 5060 }],
}))

/** A REGISTER or another request, and what it differs in from the usual one. */
interface ClientRequest extends RequestParts {
  readonly user?: string
  readonly password?: string
  /** Media type of a body; left out: text/plain. */
  readonly type?: string
}

export class RoamingScene {
  readonly clock = new ManualClock()
  readonly network = new MemoryNetwork(this.clock)
  readonly taps = new Map<OperatorName, MemoryTap>()
  private readonly nodes = new Map<OperatorName, Node>()
  private sent = 0

  static async open(t: ExecutionContext, ...names: readonly OperatorName[]): Promise<RoamingScene> {
    const scene = new RoamingScene()
    for (const name of names) await scene.start(name)
    t.teardown(async () => {
      for (const node of scene.nodes.values()) await node.stop(0)
    })
    return scene
  }
  private async start(name: OperatorName): Promise<void> {
    const dialplan = withPeers(planned.find(({ operator }) => operator === name)!, planned)
    const made = assemble(dialplan)
    if (made.faults !== undefined) throw new Error(made.faults.map(({ text }) => text).join())
    const tap = memoryTap(10_000)
    const node = createNode({
      ...{ name, plan: made.value.plan, elements: made.value.elements, domains: dialplan.domains, listen: dialplan.listen },
      ...{ clock: this.clock, network: this.network, ids: seededIds(this.nodes.size + 1), log: silent, trusted: [] },
      peers: dialplan.met ?? [],
      store: memoryStore(this.clock),
      tap: fanTap([tap])!,
    })
    this.taps.set(name, tap)
    this.nodes.set(name, node)
    await node.start()
    await this.clock.advance(200)
  }
  metric(operator: OperatorName, name: string): number {
    return metric(this.nodes.get(operator)!, name)
  }
  /** An end at that address that sends to the proxy of an operator. A MESSAGE that it gets is answered 200. */
  async end(host: string, at: OperatorName): Promise<RoamingEnd> {
    const wire = await Wire.at(this, host, 5060, { host: places[at], port: 5060 })
    const got: string[] = []
    wire.onRequest = (request) => {
      if (request.method === 'MESSAGE' && !got.includes(String(request.body))) got.push(String(request.body))
      wire.answer(request, 200, { toTag: 'theirs' })
    }
    return { wire, got }
  }
  /** Sends a request, and gives its final answer. */
  async ask(
    { wire }: RoamingEnd,
    method: string,
    uri: string,
    { user, password, lines = [], ...parts }: ClientRequest = {},
  ): Promise<SipResponse> {
    const number = ++this.sent
    const name = `${wire.here.host}-${number}`
    const own = { callId: `call-${number}`, cseq: number * 2, via: `${wire.here.host};rport`, ...parts }
    const send = async (more: readonly string[], step: number): Promise<SipResponse> => {
      const before = wire.responses.length
      wire.send(
        requestText(method, uri, {
          ...own,
          cseq: own.cseq + step,
          branch: `z9hG4bK-${name}-${step}`,
          lines: [...lines, ...more],
        }),
      )
      await this.clock.advance(3000)
      const answer = wire.responses.slice(before).find(({ status }) => status >= 200)
      if (answer === undefined) throw new Error(`${method} ${uri} is not answered`)
      return answer
    }
    const first = await send([], 0)
    if ((first.status !== 401 && first.status !== 407) || user === undefined) return first
    const [asked, given] =
      first.status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization']
    const credentials = { user, password: password ?? `${user}-proxima` }
    return send([`${given}: ${answerChallenge(first.texts(asked), credentials, method, uri, 'c')}`], 1)
  }
  /** REGISTER of alice's Push client; `at` an operator's proxy by way of the end. */
  register(end: RoamingEnd, parts: ClientRequest = {}): Promise<SipResponse> {
    const { lines = [], ...others } = parts
    const to = pushOf('alice')
    const contact = `Contact: <sip:alice@${end.wire.here.host}:5060>;+sip.instance="<urn:uuid:1>";expires=3600`
    const hasOwn = lines.some((line) => line.startsWith('Contact:'))
    return this.ask(end, 'REGISTER', 'sip:push.op-a.example', {
      user: 'alice',
      to,
      from: to,
      lines: hasOwn ? lines : [contact, ...lines],
      ...others,
    })
  }
  /** MESSAGE to a Push identifier. */
  push(end: RoamingEnd, to: string, body: string, parts: ClientRequest = {}): Promise<SipResponse> {
    const { lines = [], type = 'text/plain', ...others } = parts
    return this.ask(end, 'MESSAGE', to, { body, lines: [`Content-Type: ${type}`, ...lines], ...others })
  }
}

export interface RoamingEnd {
  readonly wire: Wire
  /** Bodies of MESSAGEs. */
  readonly got: readonly string[]
}

/** The last request of that method which an end got. */
export function lastOf({ wire }: RoamingEnd, method: string): SipRequest | undefined {
  return wire.requests.findLast((request) => request.method === method)
}

/** Whether a message passes between two operators. */
export function isBetweenOperators({ from, to, direction }: TappedMessage): boolean {
  const all: readonly string[] = Object.values(places)
  return direction !== 'local' && from.address !== to.address && all.includes(from.address) && all.includes(to.address)
}
