/** Host names on a stage (RFC 3263): each domain has a NAPTR for UDP, an SRV and an address, those of its proxy. */
import type { Clock, HostPort, Resolver } from '../../../signalling/index.ts'
import { Backoff, Locator } from '../../../signalling/tools.ts'

export class StageNames {
  /** Questions that were put, `NAPTR op-a.example`. */
  readonly asked: string[] = []
  private readonly locator: Locator

  /** @param placeOf the place of a domain's proxy; undefined: no domain here is called so */
  constructor(clock: Clock, placeOf: (domain: string) => HostPort | undefined) {
    const noted = (question: string): void => void this.asked.push(question)
    const service = '_sip._udp.'
    const resolver: Resolver = {
      naptr: async (name) => {
        noted(`NAPTR ${name}`)
        const record = { order: 1, preference: 1, flags: 's', service: 'SIP+D2U', replacement: `${service}${name}` }
        return placeOf(name) === undefined ? [] : [record]
      },
      srv: async (name) => {
        noted(`SRV ${name}`)
        const place = name.startsWith(service) ? placeOf(name.slice(service.length)) : undefined
        return place === undefined
          ? []
          : [{ priority: 1, weight: 1, port: place.port, name: `edge.${name.slice(service.length)}` }]
      },
      addresses: async (name, family) => {
        noted(`${family === 4 ? 'A' : 'AAAA'} ${name}`)
        const place = placeOf(name.replace(/^edge\./, ''))
        return place === undefined || family === 6 ? [] : [{ address: place.host, ttl: 60 }]
      },
    }
    const reaches = (transport: string, family: 4 | 6): boolean => transport === 'UDP' && family === 4
    this.locator = new Locator({ clock, resolver, backoff: new Backoff(clock), chance: () => 0, reaches })
  }
  /** The first address of a name; undefined: it has none. */
  async locate(name: string): Promise<HostPort | undefined> {
    const { targets } = await this.locator.locate({ host: name, port: 0, transport: '', secure: false })
    return targets?.[0]
  }
}
