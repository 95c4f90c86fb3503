/** Addresses of host names for outbound HTTP. Names of strangers are asked of name servers, beside all other work. */
import { lookup } from 'node:dns/promises'
import type { Resolver } from '../../../signalling/index.ts'

/** Rejects where there are none. @param isOwn the name is of our settings */
export type AddressLookup = (name: string, isOwn: boolean) => Promise<readonly string[]>

const loopback: readonly string[] = ['127.0.0.1', '::1']

/**
 * The machine's own lookup is for names of our settings alone. It knows the hosts file, but holds one of the process's few
 * threads while a name server is silent.
 */
export function addressLookup(resolver: Pick<Resolver, 'addresses'>): AddressLookup {
  return async (name, isOwn) => {
    if (isOwn) return (await lookup(name, { all: true })).map(({ address }) => address)
    if (name === 'localhost') return loopback // RFC 6761 §6.3
    const answers = await Promise.allSettled([resolver.addresses(name, 4), resolver.addresses(name, 6)])
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.map(({ address }) => address) : []))
    if (found.length > 0) return found
    const failed = answers.find(({ status }) => status === 'rejected')
    throw failed?.status === 'rejected' ? failed.reason : Object.assign(new Error('no address'), { code: 'ENOTFOUND' })
  }
}
