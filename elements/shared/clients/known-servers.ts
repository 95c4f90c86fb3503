/** Servers of the network that an element may speak to: a request may name no others (SPEC §4). */
import { isIP } from 'node:net'
import { parseUri, printHostPort, type Uri } from '../../../signalling/index.ts'
import { deviceKey, subscriberKey } from '../identifiers/devices.ts'

interface KnownServer {
  /** The target of requests to it. */
  readonly uri: string
  /** Its asserted identity: without a port. */
  readonly key: string
  readonly user: string
  readonly host: string
  /** 0 where it has none. */
  readonly port: number
  /** `host:port` of the node that runs it, where the dialplan says so. */
  readonly place: string | undefined
}

export class KnownServers {
  private readonly servers: readonly KnownServer[]
  private readonly domains: readonly string[]

  /**
   * @param uris the usual one first; bare names are elements of the first domain
   * @param places URI of an element -> `host:port` of its node
   */
  constructor(uris: readonly string[], domains: readonly string[], places: { readonly [uri: string]: string } = {}) {
    this.domains = domains
    this.servers = uris.flatMap((text) => this.read(text, places) ?? [])
  }

  /** Of the usual one. */
  get first(): string | undefined {
    return this.servers[0]?.uri
  }

  get uris(): readonly string[] {
    return this.servers.map(({ uri }) => uri)
  }

  /** Whether one of them is asserted so; canonical. */
  isOne(identity: string): boolean {
    return this.servers.some(({ key }) => key === identity)
  }

  /** URI of the server that is meant by a URI, a host name or an address, with or without a port; undefined: none is. */
  find(named: string): string | undefined {
    const meant = readName(named)
    if (meant === undefined) return undefined
    const { user, port } = meant
    const host = meant.host.replace(/\.$/, '')
    const found = user === '' ? this.atHost(host, port) : this.byKey(deviceKey({ ...meant, host }, this.domains), port)
    // one that is written with the same port before one that says nothing of ports
    return (found.find((server) => server.port === port) ?? found.find((server) => port === 0 || server.port === 0))?.uri
  }

  private byKey(key: string | undefined, port: number): readonly KnownServer[] {
    return this.servers.filter((server) => server.key === key && (port === 0 || server.port === 0 || server.port === port))
  }

  private atHost(host: string, port: number): readonly KnownServer[] {
    const named = this.servers.filter(({ user }) => this.domains.some((domain) => host === `${user}.${domain}`))
    if (named.length > 0) return named
    const placed = this.servers.filter(
      ({ place }) => place !== undefined && place === printHostPort({ host, port: port || 5060 }),
    )
    if (placed.length > 0) return placed.map((server) => ({ ...server, port }))
    const home = this.domains.includes(host) ? this.domains[0] : host
    return this.servers.filter((server) => server.host === home || server.host === host)
  }

  private read(text: string, places: { readonly [uri: string]: string }): KnownServer | undefined {
    const key = subscriberKey(text, this.domains)
    const uri = parseUri(text.includes(':') ? text : (key ?? ''))
    if (key === undefined || uri === undefined) return undefined
    const { host } = parseUri(key)!
    const plain = uri.port === 0 && uri.parameters.size === 0
    return { uri: plain ? key : text, key, user: uri.user, host, port: uri.port, place: places[key] }
  }
}

/** `sip:prose@host:5061`, `host`, `host:5061`, `192.0.2.7`, `2001:db8::7`, `[2001:db8::7]:5061`. */
function readName(text: string): Uri | undefined {
  if (isIP(text) !== 0) return parseUri(`sip:${printHostPort({ host: text, port: 0 })}`)
  return parseUri(/^sips?:/i.test(text) ? text : `sip:${text}`)
}
