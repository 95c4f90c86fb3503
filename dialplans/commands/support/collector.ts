/** A check that the named HEP collector can be found: copies that are lost on the way are not reported. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { HostPort } from '../../../signalling/index.ts'
import { CommandRefusal } from './refusal.ts'

type LookUp = (host: string, options: { readonly family: 4 }) => Promise<unknown>

/** Rejects with a CommandRefusal where the host is neither an address nor a name that has one (IPv4: as its socket looks it up). */
export async function checkCollector({ host }: HostPort, lookUp: LookUp = lookup, named = '--hep'): Promise<void> {
  if (isIP(host) !== 0) return
  try {
    await lookUp(host, { family: 4 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandRefusal(`${named}: the host ${host} cannot be found (${code}); give the IP address of the collector`, error)
  }
}
