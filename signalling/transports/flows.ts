/** The flows of a node: found by id, by address, or by the sealed token of a Record-Route (RFC 5626 §5.2). */
import { sameSecret, seal, TextCipher } from '../ids.ts'
import { decodeUser, printHostPort } from '../messages/uri.ts'
import { type FlowName, flowName, flowNamed } from './flow-name.ts'
import { isAnyHost, isLocalAddress, type MachineAddresses, SystemAddresses } from './machine-addresses.ts'
import { routeUser } from './route-parts.ts'
import type { Flow, HostPort, Transport } from './transport.ts'

const salt = 'flow' // a token says nothing to others, of no inner address either
const remembered = 50_000 // tokens whose seal was checked already

/** A token in the clear. */
interface FlowToken {
  /** Name of the flow. */
  readonly flow: FlowName
  /** Address of record of the user behind that flow; undefined where nobody had proven to be one. */
  readonly user: string | undefined
}

/** Parameters of our Record-Route, so that a client comes back the way it came (RFC 3261 §19.1.1; RFC 7118 §5.1: ws for both). */
const transportParameter: { readonly [transport: string]: string } = {
  TCP: ';transport=tcp',
  TLS: ';transport=tls',
  WS: ';transport=ws',
  WSS: ';transport=ws',
}

export class FlowTable {
  private readonly transports: readonly Transport[]
  private readonly connections = new Map<string, Flow>()
  /** Connections of peers that offered them for requests to their own port, by where that is. */
  private readonly shared = new Map<string, Flow>()
  private readonly sharedAs = new WeakMap<Flow, string>()
  private readonly listeners = new Set<(flow: Flow) => void>()
  private readonly domains: ReadonlySet<string>
  private key = ''
  private cipher = new TextCipher('')
  private readonly addresses: MachineAddresses
  /** A socket listens on any address: all of this machine are ours. */
  readonly anywhere: boolean
  /** Not every peer reaches us by the same address. */
  private readonly several: boolean
  private own: HostPort | undefined = undefined
  private ownText: string | undefined = undefined
  private readonly tokens = new WeakMap<Flow, { readonly user: string | undefined; readonly token: string }>()
  private readonly verified = new Map<string, FlowToken>()

  constructor(transports: readonly Transport[], domains: Iterable<string>, addresses: MachineAddresses = new SystemAddresses()) {
    this.transports = transports
    this.domains = new Set(domains)
    this.addresses = addresses
    this.anywhere = transports.some(({ local }) => isAnyHost(local.host))
    this.several = this.anywhere || new Set(transports.map(({ sentBy, local }) => (sentBy ?? local).host)).size > 1
  }
  /**
   * Sets the key that seals tokens, before the first is needed. It is kept in the store, so that tokens outlive the
   * process. All sockets are bound.
   */
  sealBy(key: string): void {
    this.key = key
    this.cipher = new TextCipher(key)
    this.own = this.ownText = undefined
  }
  /** Looks whether the addresses of this machine are others now. */
  renew(): void {
    if (!this.addresses.renew()) return
    this.own = this.ownText = undefined
    for (const transport of this.transports) transport.moved?.()
  }
  /** The address at which any peer can reach us. */
  get primary(): HostPort {
    return (this.own ??= this.primaryOf(this.transports[0]))
  }
  /** `primary` as text. */
  get address(): string {
    return (this.ownText ??= printHostPort(this.primary))
  }
  private primaryOf(transport: Transport | undefined): HostPort {
    if (transport === undefined) return { host: '127.0.0.1', port: 5060 }
    const { sentBy, local } = transport
    if (sentBy !== undefined || !isAnyHost(local.host)) return sentBy ?? local
    return { host: this.usual(local.host), port: local.port }
  }
  /** The address for both families: IPv4, which fewer peers lack. */
  private usual(any: string): string {
    const v4 = this.addresses.usual(false)
    return any === '::' && isLocalAddress(v4) ? this.addresses.usual(true) : v4
  }
  /** The Contact of an element, without brackets: where the peer of that flow reaches it, or where anybody should. */
  contact(element: string, flow?: Flow): string {
    if (flow === undefined || !this.differs(flow)) return `sip:${element}@${this.address}`
    return `sip:${element}@${sentByText(flow)}${transportParameter[flow.transport] ?? ''}`
  }
  /**
   * Our other port at the address by which such a flow's peer knows us. By it a client sees whether its NAT tells peers apart
   * (RFC 5780 §7.4). Undefined where no other socket hears there: other addresses of ours are none of its business.
   */
  otherAddress({ local, sentBy, transport }: Flow): HostPort | undefined {
    const { host } = sentBy ?? local
    const family = host.includes(':') ? 6 : 4
    const hears = (each: Transport): boolean => {
      const shown = (each.sentBy ?? each.local).host
      return shown === host || (isAnyHost(shown) && local.host === host && inFamily(each, family))
    }
    const other = this.transports.find((each) => each.name === transport && each.local.port !== local.port && hears(each))
    return other && { host, port: (other.sentBy ?? other.local).port }
  }
  /** True: by that flow another Contact is right than for anybody. */
  differs(flow: Flow): boolean {
    return this.several && flow.internal !== true && (flow.sentBy ?? flow.local).host !== this.primary.host
  }
  get connectionCount(): number {
    return this.connections.size
  }
  /** True: a connection that was not known yet. */
  note(flow: Flow): boolean {
    if (!flow.reliable || this.connections.has(flow.id) || !flow.open) return false
    this.connections.set(flow.id, flow)
    return true
  }
  /**
   * RFC 5923: requests to that port of its peer may take the connection that it came by. By TCP nothing proves that the
   * port is the peer's, so only a peer that the dialplan trusts is believed. Over TLS its certificate has to stand for the
   * host.
   */
  share(flow: Flow, sentBy: HostPort): void {
    const place = this.connections.has(flow.id) ? placeOf(flow, sentBy) : undefined
    if (place === undefined) return
    this.shared.set(place, flow)
    this.sharedAs.set(flow, place)
  }
  closed(flow: Flow): void {
    if (!this.connections.delete(flow.id)) return
    const place = this.sharedAs.get(flow)
    if (place !== undefined && this.shared.get(place) === flow) this.shared.delete(place)
    for (const listener of this.listeners) listener(flow)
  }
  /** Returns the way to stop. */
  onClosed(listener: (flow: Flow) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
  open(id: string): Flow | undefined {
    const flow = this.connections.get(id)
    return flow?.open ? flow : undefined
  }
  isOurs(host: string, port: number): boolean {
    if (this.domains.has(host) && port === 0) return true
    for (let i = 0; i < this.transports.length; i++) {
      const { local, sentBy } = this.transports[i]!
      const samePort = port === local.port || (port === 0 && local.port === 5060)
      if (samePort && (local.host === host || this.domains.has(host) || (isAnyHost(local.host) && this.addresses.has(host))))
        return true
      if (sentBy?.host === host && (port === sentBy.port || (port === 0 && sentBy.port === 5060))) return true
    }
    return false
  }
  isOurHost(host: string): boolean {
    return this.transports.some(
      ({ local, sentBy }) => local.host === host || sentBy?.host === host || (isAnyHost(local.host) && this.addresses.has(host)),
    )
  }
  /** `port`: of our socket, where there are several; `name`: the name that the peer's certificate must have. */
  to(transport: string, remote: HostPort, { port = 0, name }: { port?: number; name?: string } = {}): Flow | undefined {
    if (this.shared.size > 0) {
      const whose = transport === 'TLS' ? `|${(name ?? remote.host).toLowerCase()}` : ''
      const shared = this.shared.get(`${transport}|${remote.host}|${remote.port}${whose}`)
      if (shared?.open) return shared
    }
    // A network in memory carries datagrams.
    const carrier = this.carrier(transport, remote, port) ?? (transport === 'UDP' ? this.carrier('MEM', remote, port) : undefined)
    const flow = carrier?.connect(remote, name)
    if (flow !== undefined) this.note(flow)
    return flow
  }
  /** Our socket of that transport and the peer's address family: the one at `port` if there is one, in the peer's network. */
  private carrier(transport: string, { host }: HostPort, port: number): Transport | undefined {
    let best: Transport | undefined
    const family = host.includes(':') ? 6 : 4
    for (let i = 0; i < this.transports.length; i++) {
      const each = this.transports[i]!
      if (each.name !== transport || !inFamily(each, family)) continue
      if (best === undefined) best = each
      else if ((each.local.port === port) !== (best.local.port === port)) best = each.local.port === port ? each : best
      else if (each.local.host !== best.local.host && each.local.host === this.addresses.towards(host)) best = each
    }
    return best
  }
  /** Whether we have a socket of that transport from which an address of that family can be reached. */
  reaches(transport: string, family: 4 | 6): boolean {
    return this.transports.some((each) => (each.name === transport || isFor(transport, each)) && inFamily(each, family))
  }
  /** The name of a flow in the store: a datagram peer for good, a connection for as long as it stands. */
  nameOf(flow: Flow): FlowName {
    return flowName(flow)
  }
  named(name: FlowName): Flow | undefined {
    return flowNamed(name, this)
  }
  /** `user`: address of record that the flow leads to, for the reader of the token; nobody else can see it. */
  routeTo(element: string, flow: Flow, user?: string): string {
    return `sip:${routeUser(element, this.token(flow, user))}@${sentByText(flow)}${transportParameter[flow.transport] ?? ''};lr`
  }
  /** As `routeTo`, by way of the address at which other nodes of the network reach this one, whatever the flow's own is. */
  pathTo(element: string, flow: Flow, user?: string): string {
    return `sip:${routeUser(element, this.token(flow, user))}@${this.address};lr`
  }
  token(flow: Flow, user?: string): string {
    const last = this.tokens.get(flow)
    if (last !== undefined && last.user === user) return last.token
    const name = this.nameOf(flow)
    const body = this.cipher.hide(salt, user === undefined ? name : `${name}\n${user}`).toString('base64url')
    const token = `${body}.${seal(this.key, body, 12)}`
    this.tokens.set(flow, { user, token })
    this.remember(token, { flow: name, user }) // it comes back soon
    return token
  }
  /** Whether we gave that token out, in this process or an earlier one. */
  isSealed(text: string): boolean {
    return this.read(text) !== undefined
  }
  /** Undefined: not ours. Its letters may have come back escaped (twinkle's `Z`; RFC 3261 §19.1.4). */
  read(text: string): FlowToken | undefined {
    const cached = this.verified.get(text)
    if (cached !== undefined) return cached
    const token = decodeUser(text)
    const dot = token.lastIndexOf('.')
    if (dot <= 0 || !sameSecret(seal(this.key, token.slice(0, dot), 12), token.slice(dot + 1))) return undefined
    const read = this.reveal(token.slice(0, dot))
    if (read === undefined) return undefined
    this.remember(token, read)
    return read
  }
  /** Undefined: sealed by us, in another form than today's. */
  private reveal(body: string): FlowToken | undefined {
    try {
      const [flow, user] = this.cipher.reveal(salt, Buffer.from(body, 'base64url')).split('\n') as [string, string?]
      return { flow, user }
    } catch {
      return undefined
    }
  }
  private remember(token: string, read: FlowToken): void {
    this.verified.set(token, read)
    if (this.verified.size > remembered) this.verified.delete(this.verified.keys().next().value!)
  }
  find(text: string): Flow | undefined {
    const token = this.read(text)
    return token && this.named(token.flow)
  }
}

/** Our address for that peer, as a Via or a Warning has it (RFC 3261 §18.1.1). */
export function sentByText(flow: Flow): string {
  return printHostPort(flow.sentBy ?? flow.local)
}

/** The key of requests that a connection may carry; undefined: only requests like earlier ones on it. */
function placeOf({ transport, remote, trusted, domains }: Flow, { host, port }: HostPort): string | undefined {
  if (transport === 'TCP' && trusted && host === remote.host) return `TCP|${host}|${port || 5060}`
  const name = host.toLowerCase()
  return domains?.includes(name) ? `TLS|${remote.host}|${port || 5061}|${name}` : undefined
}

function inFamily({ local: { host } }: Transport, family: 4 | 6): boolean {
  return host === '::' || host.includes(':') === (family === 6)
}

function isFor(transport: string, { name }: Transport): boolean {
  return transport === 'UDP' && name === 'MEM'
}
