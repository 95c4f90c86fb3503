/** Host names in `listen`, looked up once, at start: a socket has an address, and peers are known by theirs. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ListeningOptions } from '../../../signalling/index.ts'
import { type Dialplan, printListen } from '../../network/dialplan.ts'
import { CommandRefusal } from './refusal.ts'

type AddressOf = (host: string, options: { readonly order: 'ipv4first' }) => Promise<{ readonly address: string }>

/** The dialplan with addresses alone, other nodes' too. Rejects with a CommandRefusal where a name has none. */
export async function locateListening(dialplan: Dialplan, addressOf: AddressOf = lookup): Promise<Dialplan> {
  const { listen, nodes, node } = dialplan
  const all = [...listen, ...nodes.flatMap((each) => each.listen)]
  const addresses = new Map<string, string>()
  for (const each of all)
    if (isIP(each.host) === 0 && !addresses.has(each.host)) addresses.set(each.host, await locate(each, addressOf))
  if (addresses.size === 0) return dialplan
  const at = (each: ListeningOptions): ListeningOptions => ({ ...each, host: addresses.get(each.host) ?? each.host })
  const located = nodes.map((each) => ({ ...each, listen: each.listen.map(at) }))
  return { ...dialplan, listen: listen.map(at), nodes: located, node: located.find(({ name }) => name === node?.name) }
}

async function locate(listen: ListeningOptions, addressOf: AddressOf): Promise<string> {
  try {
    return (await addressOf(listen.host, { order: 'ipv4first' })).address
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandRefusal(
      `${printListen(listen)}: the host ${listen.host} cannot be found (${code}); write an IP address of its machine`,
      error,
    )
  }
}
