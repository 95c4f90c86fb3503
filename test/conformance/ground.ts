/** Where the messages of RFC 4475 are tried: a live server, a peer behind it, and a source that sends whatever it is told. */
import { readFileSync } from 'node:fs'
import { createHss } from '../../elements/hss/index.ts'
import { createProxy } from '../../elements/proxy/index.ts'
import { createNode, type Element, type Exchange, type Node, SipRequest, silent } from '../../signalling/index.ts'
import { answerChallenge } from '../../signalling/messages/auth.ts'
import { type Capabilities, unsupported } from '../../signalling/messages/capabilities.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { compilePlan } from '../../signalling/routing/compile.ts'
import type { PlanRule } from '../../signalling/routing/plan.ts'
import { memoryStore } from '../../signalling/storage/memory.ts'
import { seededIds } from '../../signalling/testing.ts'
import { Lab } from '../support/lab.ts'
import { metric, requestText, Wire } from '../support/wire.ts'

export function torture(name: string): Buffer {
  return readFileSync(new URL(`rfc4475/${name}.dat`, import.meta.url))
}

/** The message as the scanner sees it; throws for what it takes for noise. */
export function tortureRequest(name: string): SipRequest {
  const message = scan(torture(name))
  if (!(message instanceof SipRequest)) throw new Error(`${name} is no request`)
  return message
}

/** Hosts of the Request-URIs: behind the peer, as a rule of the plan says. */
const elsewhere = ['example.com', 'example.net', 'example.org', 'chair-dnrc.example.com', 'registrar.example.com', 'company.com']
const people = ['caller', 'user', 'j.user', 'watson', 'null-%00-null', 'local-resource']

export interface Ground {
  readonly lab: Lab
  readonly node: Node
  readonly source: Wire
  readonly peer: Wire
  /** A source that the server trusts. */
  readonly neighbour: Wire
}

async function ground(domains: readonly string[], elements: readonly Element[], rules?: readonly PlanRule[]): Promise<Ground> {
  const lab = new Lab()
  const { plan, faults } = compilePlan({
    domains,
    elements: new Map(elements.map((element) => [element.name, element.claims])),
    ownAddresses: [],
    ...(rules === undefined ? { proxy: 'proxy' } : { rules }),
  })
  if (plan === undefined) throw new Error(JSON.stringify(faults))
  const node = createNode({
    name: 'server',
    plan,
    domains,
    elements,
    store: memoryStore(lab.clock),
    clock: lab.clock,
    network: lab.network,
    log: silent,
    trusted: ['10.0.3.3'],
    ids: seededIds(1),
    listen: [{ transport: 'MEM', host: '10.0.0.1', port: 5060 }],
  })
  await node.start()
  const source = await Wire.at(lab, '10.0.9.9')
  const peer = await Wire.at(lab, '10.0.2.2')
  const neighbour = await Wire.at(lab, '10.0.3.3')
  await lab.clock.settle()
  return { lab, node, source, peer, neighbour }
}

function home(): Element[] {
  const domain = 'localhost'
  const subscribers = ['alice', ...people].map((user) => ({
    id: `sip:${user}@${domain}`,
    password: 'secret',
    permissions: { discoverable: true, discoverer: true },
  }))
  return [createProxy('proxy', {}), createHss('hss', { subscribers })]
}

/** A proxy with its HSS; its domain is `localhost`, and every other host is behind the peer at 10.0.2.2. */
export async function proxying(): Promise<Ground> {
  const made = await ground(['localhost', 'services.example.com'], home(), [
    { name: 'in', line: 1, from: ['outside', 'trusted'], to: 'proxy' },
    { name: 'data', line: 2, user: 'hss', to: 'hss' },
    { name: 'on', line: 3, host: elsewhere, to: 'sip:10.0.2.2:5060' },
  ])
  const { lab, source } = made
  source.send(withDigest(Buffer.from(register('sip:alice@localhost', 'sip:alice@10.0.9.9')), await challenge(made), 'alice'))
  await lab.clock.advance(1000)
  if (source.statuses.at(-1) !== 200) throw new Error(`alice is not registered: ${source.statuses.at(-1)}`)
  source.clear()
  return made
}

/** The same with `example.com` as its domain: home of those who REGISTER. */
export async function registrar(): Promise<Ground> {
  const subscribers = people.map((user) => ({
    id: `sip:${user}@example.com`,
    password: 'secret',
    permissions: { discoverable: true, discoverer: true },
  }))
  return ground(['example.com'], [createProxy('proxy', {}), createHss('hss', { subscribers })])
}

export const able: Capabilities = {
  methods: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'MESSAGE'],
  extensions: [],
  types: ['application/sdp', 'text/plain', 'multipart/mixed'],
  answers: ['application/sdp'],
}

/** A user agent that answers 200 to all that it can do. */
export class PlainAgent implements Element {
  readonly name = 'ua'
  readonly claims = [{ method: '*' }]
  readonly served: SipRequest[] = []
  handle(exchange: Exchange): void {
    if (exchange.request.method === 'ACK') return
    const refused = unsupported(exchange.request, able)
    if (refused !== undefined) return exchange.reply(refused.status, { headers: refused.headers })
    this.served.push(exchange.request)
    exchange.reply(200)
  }
}

export async function userAgent(): Promise<Ground & { readonly agent: PlainAgent }> {
  const agent = new PlainAgent()
  return { ...(await ground(['example.com'], [agent], [{ name: 'all', line: 1, to: 'ua' }])), agent }
}

function register(aor: string, contact: string): string {
  return requestText('REGISTER', `sip:${aor.split('@')[1]}`, {
    from: aor,
    to: aor,
    via: '10.0.9.9',
    branch: 'z9hG4bK-reg',
    callId: 'registration',
    lines: [`Contact: <${contact}>`, 'Expires: 7200'],
  })
}

/** A fresh challenge of the server, got by a REGISTER without credentials. */
export async function challenge({ lab, source, node }: Ground): Promise<string> {
  const domain = node === undefined ? '' : 'localhost'
  for (const host of [domain, 'example.com']) {
    const branch = `z9hG4bK-challenge-${host}-${lab.clock.now()}`
    source.send(requestText('REGISTER', `sip:${host}`, { from: `sip:caller@${host}`, to: `sip:caller@${host}`, branch }))
    await lab.clock.advance(100)
    const value = source.responses.at(-1)?.text('WWW-Authenticate')
    if (value !== undefined) {
      await lab.clock.advance(40_000)
      source.clear()
      return value
    }
  }
  throw new Error('no challenge')
}

/** The same bytes with the answer to a digest challenge as first header field; nothing else is touched. */
export function withDigest(bytes: Buffer, wanted: string, user: string): Buffer {
  const request = scan(bytes)
  if (!(request instanceof SipRequest)) throw new Error('no request')
  const answer = answerChallenge([wanted], { user, password: 'secret' }, request.method, request.uriText, 'cnonce')
  const name = request.method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization'
  const at = request.index[1]!
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(`${name}: ${answer}\r\n`), bytes.subarray(at)])
}

/** Sends, and lets every timer of RFC 3261 §17 run out. What is left then in a table is a leak. */
export async function play(
  made: Ground,
  bytes: Buffer,
  source: Wire = made.source,
): Promise<{ finals: readonly number[]; left: number; faults: number }> {
  const { lab, node } = made
  source.send(bytes)
  await lab.clock.advance(200_000)
  const finals = [...new Set(source.statuses.filter((status) => status >= 200))]
  const left = metric(node, 'server_transactions') + metric(node, 'client_transactions')
  return { finals, left, faults: metric(node, 'faults_total') }
}
