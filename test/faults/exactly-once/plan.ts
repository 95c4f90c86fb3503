/** Network of two operators with a Push server each, and a crowd of users with Push identifiers. */
import { join } from 'node:path'
import { stringify } from 'yaml'

export const operators = ['op-a', 'op-b'] as const

/** Of everybody. */
export const password = 'exactly-once'

export interface PushUser {
  /** Number of the operator. */
  readonly operator: number
  /** User part of the address and of the Contact. */
  readonly name: string
  readonly uri: string
  readonly push: string
  /** false: he is no user of Push. */
  readonly hasPush?: boolean
}

/** Settings of each operator's elements that differ from the usual ones. */
export interface PlanSettings {
  readonly push?: object
}

/** Users, by turns of each operator. */
export function pushUsers(count: number): readonly PushUser[] {
  return Array.from({ length: count }, (_, index) => {
    const operator = index % operators.length
    const name = `u${index}`
    const flags = operator === 0 ? '0' : '4' // operator 00 or 01, server 00
    const host = `${operators[operator]}.example`
    const id = `${flags}a17c5d2${index.toString(16).padStart(8, '0')}`
    return { operator, name, uri: `sip:${name}@${host}`, push: `sip:${id}@push.${host};user=push` }
  })
}

/** The dialplan. @param nodes where each operator's node listens, and keeps its state */
export function planOf(
  users: readonly PushUser[],
  nodes: readonly { readonly port: number; readonly folder: string }[],
  { push: pushSettings }: PlanSettings = {},
): string {
  const permissions = { discoverable: false, discoverer: false }
  const planned = operators.map((name, operator) => {
    const subscribers = users
      .filter((user) => user.operator === operator)
      .map(({ hasPush = true, name: id, push }) => ({
        ...{ id, password, permissions },
        ...(hasPush ? { push: [{ id: push.slice(4, 20) }] } : {}),
      }))
    const elements = {
      proxy: { role: 'proxy', registration: 'optional' },
      hss: { role: 'hss', subscribers },
      push: { role: 'push', server: 0, store: { accept: 2, ofSource: 1000, forUser: 10_000, inAll: 1_000_000 }, ...pushSettings },
    }
    const [other] = operators.filter((each) => each !== name)
    return [name, { flags: operator, domains: [`${name}.example`], peers: { [other!]: {} }, elements }] as const
  })
  const placed = nodes.map(({ folder, port }, index) => {
    const elements = ['proxy', 'hss', 'push'].map((element) => `${operators[index]}/${element}`)
    return [nodeOf(index), { listen: [`udp://127.0.0.1:${port}`], data: join(folder, nodeOf(index)), elements }] as const
  })
  return stringify(
    { name: 'exactly-once', nodes: Object.fromEntries(placed), operators: Object.fromEntries(planned) },
    { aliasDuplicateObjects: false },
  )
}

/** Name of an operator's node. */
export function nodeOf(operator: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + operator)
}
