/** Exposure of demo passwords, which everybody knows: a node with one listens where only this machine hears. */
import { BlockList, isIPv6 } from 'node:net'
import { type ListeningOptions, printHostPort } from '../../../signalling/index.ts'
import { isAnyHost, isLoopback, machineAddresses } from '../../../signalling/tools.ts'
import { type Dialplan, printListen, userOf } from '../../network/dialplan.ts'
import { subscribersOf } from '../../network/roles.ts'
import { CommandRefusal } from '../support/refusal.ts'

/** Surroundings of the process. */
export interface Surroundings {
  /** A container, whose ports its runtime publishes on loopback alone. */
  readonly isPublishedOnLoopback?: boolean
  readonly addresses?: readonly string[]
}

const privateAddresses = new BlockList() // RFC 1918, RFC 4193, and those of one cable
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
] as const)
  privateAddresses.addSubnet(net, prefix, 'ipv4')
for (const [net, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const)
  privateAddresses.addSubnet(net, prefix, 'ipv6')

/** `alice-proxima` for alice: known to everybody who has read the README. */
export function hasDemoPassword({ id, password }: { readonly id: string; readonly password?: string }): boolean {
  return password === `${userOf(id)}-proxima`
}

/** The word of the environment on where the ports of this container are published. Throws a `CommandRefusal` for another word. */
export function isPublishedOnLoopback({ PROXIMA_PUBLISHED: word }: NodeJS.ProcessEnv): boolean {
  if (word === undefined || word === '') return false
  if (word === 'loopback') return true
  throw new CommandRefusal(`PROXIMA_PUBLISHED is '${word}'; expected loopback, or nothing where ports are published elsewhere`)
}

/** Why this dialplan must not listen there: an address beyond loopback while a demo password is in use. */
export function exposure(dialplan: Dialplan, surroundings: Surroundings = {}): string | undefined {
  const demo = subscribersOf(dialplan).find(hasDemoPassword)
  if (demo === undefined) return undefined
  const { file, http, api } = dialplan
  if (http !== undefined && api?.open === true && !isLoopback(http.host)) {
    return `${file}: will not serve subscribers on ${printHostPort(http)}, beyond this machine, while ${demo.id} has its demo password; change the passwords or leave api.open out`
  }
  const open = listeningBeyond(dialplan).find((listen) => !isPublishedHere(listen, surroundings))
  if (open === undefined) return undefined
  return `${file}: will not listen on ${printListen(open)}, beyond this machine, while ${demo.id} has its demo password; change the passwords or listen on 127.0.0.1`
}

/** A warning where only the word of the environment keeps strangers from a demo password. */
export function exposureByWord(dialplan: Dialplan, surroundings: Surroundings): string | undefined {
  const demo = subscribersOf(dialplan).find(hasDemoPassword)
  const open = listeningBeyond(dialplan).find((listen) => isPublishedHere(listen, surroundings))
  if (demo === undefined || open === undefined) return undefined
  return `${demo.id} has its demo password, and ${printListen(open)} is open to this container's network: PROXIMA_PUBLISHED says that its ports are published on loopback alone`
}

function listeningBeyond({ listen }: Dialplan): readonly ListeningOptions[] {
  return listen.filter(({ host }) => !isLoopback(host))
}

/** Published on loopback, as it says itself, and the addresses that it listens on are private. */
function isPublishedHere(listen: ListeningOptions, surroundings: Surroundings): boolean {
  const { isPublishedOnLoopback = false, addresses = machineAddresses() } = surroundings
  const { host, advertise } = listen
  if (!isPublishedOnLoopback || advertise === undefined || !isLoopback(advertise.host)) return false
  return (isAnyHost(host) ? addresses : [host]).every(isPrivate)
}

function isPrivate(address: string): boolean {
  return privateAddresses.check(address.replace(/%.*$/, ''), isIPv6(address) ? 'ipv6' : 'ipv4')
}
