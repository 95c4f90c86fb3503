/** Locates the server of a host name (RFC 3263): by NAPTR, SRV, A and AAAA to addresses, the best first. */
import type { Clock } from '../clock.ts'
import type { Backoff } from './backoff.ts'
import type { NaptrRecord, Resolver, SrvRecord } from './dns.ts'

/** The server of a URI. */
export interface ServerAddress {
  readonly host: string
  /** 0: the URI has none. */
  readonly port: number
  /** Upper case; '': the URI has none. */
  readonly transport: string
  /** `sips`. */
  readonly secure: boolean
}

export interface ServerTarget {
  readonly transport: string
  readonly host: string
  readonly port: number
  /** Its name in the URI, which its certificate has to have (RFC 5922 §7). */
  readonly name: string
}

/** `missing`: there surely is no such server, or none that we have a transport for; else ask again later. */
export type LocatedTargets =
  | { readonly targets: readonly ServerTarget[] }
  | { readonly targets?: undefined; readonly missing: boolean; readonly text: string }

interface LocatorOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly backoff: Backoff
  /** A number in [0, 1). */
  readonly chance: () => number
  /** Whether we could send by that transport to an address of that family. */
  readonly reaches: (transport: string, family: 4 | 6) => boolean
  /** Milliseconds for all questions of one place. */
  readonly patience?: number
}

const services: ReadonlyMap<string, string> = new Map([
  ['SIP+D2U', 'UDP'],
  ['SIP+D2T', 'TCP'],
  ['SIPS+D2T', 'TLS'],
])
const srvPrefix: { readonly [transport: string]: string } = { UDP: '_sip._udp.', TCP: '_sip._tcp.', TLS: '_sips._tcp.' }
const targetsAtMost = 12

/** A server by name, with its port, before its addresses are known. */
interface NamedServer {
  readonly transport: string
  readonly name: string
  readonly port: number
}

export class Locator {
  private readonly options: LocatorOptions
  constructor(options: LocatorOptions) {
    this.options = options
  }
  /** Resolves after `patience` at the latest, and never rejects. Targets that failed of late come last. */
  locate(place: ServerAddress): Promise<LocatedTargets> {
    const { clock, patience = 4_000 } = this.options
    return new Promise((resolve) => {
      const late = clock.after(patience, () =>
        resolve({ missing: false, text: `no answer in time about ${place.host}: come again later` }),
      )
      const end = (located: LocatedTargets): void => {
        late.cancel()
        resolve(located)
      }
      this.find(place).then(end, () => end({ missing: false, text: `${place.host} cannot be looked up now: come again later` }))
    })
  }
  private async find(place: ServerAddress): Promise<LocatedTargets> {
    const servers = await this.servers(place)
    const targets: ServerTarget[] = []
    const addresses = await Promise.all(servers.map((server) => this.addresses(server)))
    for (const [i, { transport, port }] of servers.entries())
      for (const host of addresses[i]!) targets.push({ transport, host, port, name: place.host })
    if (targets.length === 0)
      return { missing: true, text: `${place.host} has no address that we can send to; expected A or AAAA records` }
    const { backoff } = this.options
    const avoided = targets.filter((target) => backoff.avoids(targetKey(target)))
    const best = avoided.length === 0 ? targets : [...targets.filter((target) => !avoided.includes(target)), ...avoided]
    return { targets: best.slice(0, targetsAtMost) }
  }
  /** RFC 3263 §4.1 and §4.2. */
  private async servers({ host, port, transport, secure }: ServerAddress): Promise<readonly NamedServer[]> {
    const chosenTransport = transport !== '' ? transport : secure ? 'TLS' : 'UDP'
    const plain: NamedServer = { transport: chosenTransport, name: host, port: port || defaultPort(chosenTransport) }
    if (port !== 0) return [plain]
    if (transport !== '') {
      const found = srvPrefix[transport] === undefined ? undefined : await this.bySrv(srvPrefix[transport] + host, transport)
      return found ?? [plain]
    }
    const chosen = await this.byNaptr(host, secure)
    if (chosen.length > 0) return chosen
    const ways = (secure ? ['TLS'] : ['UDP', 'TCP', 'TLS']).filter((way) => this.sends(way))
    const found = await Promise.all(ways.map((way) => this.bySrv(srvPrefix[way]! + host, way)))
    return found.every((servers) => servers === undefined) ? [plain] : found.flatMap((servers) => servers ?? [])
  }
  private async byNaptr(host: string, secure: boolean): Promise<readonly NamedServer[]> {
    const usable = (await this.options.resolver.naptr(host)).filter((record) => {
      const transport = services.get(record.service.toUpperCase())
      if (transport === undefined || record.flags.toLowerCase() !== 's' || record.replacement === '') return false
      return (transport === 'TLS' || !secure) && this.sends(transport)
    })
    const found: NamedServer[] = []
    for (const { service, replacement } of usable.sort(byOrder)) {
      found.push(...((await this.bySrv(replacement, services.get(service.toUpperCase())!)) ?? []))
      if (found.length >= targetsAtMost) break
    }
    return found
  }
  /** Undefined: there are no such records. A target `.` says that there is no such service. */
  private async bySrv(name: string, transport: string): Promise<readonly NamedServer[] | undefined> {
    const records = await this.options.resolver.srv(name)
    if (records.length === 0) return undefined
    return inTurn(records, this.options.chance)
      .filter((record) => record.name !== '' && record.name !== '.')
      .map((record) => ({ transport, name: record.name, port: record.port }))
  }
  private sends(transport: string): boolean {
    return this.options.reaches(transport, 4) || this.options.reaches(transport, 6)
  }
  private async addresses({ name, transport }: NamedServer): Promise<readonly string[]> {
    const { resolver, reaches } = this.options
    const of = async (family: 4 | 6): Promise<readonly string[]> =>
      reaches(transport, family) ? (await resolver.addresses(name, family)).map(({ address }) => address) : []
    const [v4, v6] = await Promise.allSettled([of(4), of(6)])
    if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason
    return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  }
}

export function targetKey({ transport, host, port }: ServerTarget): string {
  return `${transport}|${host}|${port}`
}

/** RFC 3261 §19.1.2, RFC 7118 §5. */
export function defaultPort(transport: string): number {
  return transport === 'TLS' ? 5061 : transport === 'WS' ? 80 : transport === 'WSS' ? 443 : 5060
}

function byOrder(a: NaptrRecord, b: NaptrRecord): number {
  return a.order - b.order || a.preference - b.preference
}

/** Lower priorities first, within one by chance after their weights (RFC 2782). */
export function inTurn(records: readonly SrvRecord[], chance: () => number): readonly SrvRecord[] {
  const turn: SrvRecord[] = []
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight)
  while (left.length > 0) {
    const group = left.filter(({ priority }) => priority === left[0]!.priority)
    let at = chance() * (group.reduce((sum, { weight }) => sum + weight, 0) + 1e-9)
    const chosen = group.find(({ weight }) => (at -= weight) < 0) ?? group.at(-1)!
    turn.push(chosen)
    left.splice(left.indexOf(chosen), 1)
  }
  return turn
}
