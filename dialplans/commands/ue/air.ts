/** The air of a UE in the terminal: a multicast group, on this machine alone or on one of its networks. */
import { isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { type Air, multicastAir, type Position } from '../../../elements/air/index.ts'
import { type Clock, type HostPort, type Log, printHostPort, randomIds, seal } from '../../../signalling/index.ts'
import { joinMulticast } from '../../../signalling/tools.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { placedLink } from './placed-link.ts'

interface AirOptions {
  readonly group: HostPort
  /** Interface or own address; undefined: this machine alone. */
  readonly network: string | undefined
  readonly at: Position | undefined
  readonly clock: Clock
  readonly log: Log
}

type Interfaces = { readonly [name: string]: readonly NetworkInterfaceInfo[] | undefined }

export async function openAir({ group, network, at, clock, log }: AirOptions): Promise<Air> {
  const local = network === undefined ? undefined : addressOn(network)
  try {
    const failed = (why: string): void => log.warn({ why }, 'the air failed')
    const link = await joinMulticast({ group, failed, ...(local === undefined ? {} : { local }) })
    return multicastAir({ link: at === undefined ? link : placedLink(link, at, clock), clock, ids: randomIds(), seal })
  } catch (error) {
    const where = network === undefined ? 'this machine' : network
    throw new CommandRefusal(
      `there is no multicast to ${printHostPort(group)} on ${where} (${String(error)}); go on with --air none`,
      error,
    )
  }
}

/** Own IPv4 address on a network that is named by it or by its interface. Throws a CommandRefusal where there is none. */
export function addressOn(network: string, interfaces: Interfaces = networkInterfaces()): string {
  const found = (interfaces[network] ?? []).find(({ family }) => family === 'IPv4')?.address
  const own = Object.values(interfaces).flatMap((each) => (each ?? []).map(({ address }) => address))
  if (found !== undefined) return found
  if (isIPv4(network) && own.includes(network)) return network
  const names = Object.keys(interfaces).join(', ')
  throw new CommandRefusal(`--air-on ${network} is no interface with an IPv4 address, nor an own address; there are: ${names}`)
}
