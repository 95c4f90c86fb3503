/** Health of a node, from its start to its end: the answer of `/health`, and what a service manager is told. */
import type { Element, ListeningOptions, Node } from '../../signalling/index.ts'
import type { Dialplan } from '../network/dialplan.ts'
import { plannedOf } from '../network/roles.ts'

export interface Health {
  /** `failing`: it runs, and cannot store. */
  readonly status: 'starting' | 'ok' | 'failing' | 'stopping'
  readonly network: string
  /** The reason why it cannot store, for people. */
  readonly store?: string
  /** Elements that have not started yet. */
  readonly awaited?: readonly string[]
  /** Elements that serve here now. */
  readonly elements: readonly { readonly name: string; readonly role: string | undefined }[]
  readonly listening: readonly ListeningOptions[]
  readonly upSeconds: number
}

export class NodeHealth {
  private readonly dialplan: Dialplan
  /** Names of the elements that it starts with. */
  private readonly wanted: readonly string[]
  private node: Node | undefined
  private storeFault: (() => string | undefined) | undefined
  private stops = false

  constructor(dialplan: Dialplan, elements: readonly Element[]) {
    this.dialplan = dialplan
    this.wanted = elements.map(({ name }) => name)
  }
  /** Its elements start from now on. */
  starting(node: Node): void {
    this.node = node
  }
  running(storeFault: () => string | undefined): void {
    this.storeFault = storeFault
  }
  stopping(): void {
    this.stops = true
  }
  get isStopping(): boolean {
    return this.stops
  }
  get now(): Health {
    const { dialplan, node, storeFault } = this
    const store = storeFault?.()
    const serving = node?.elements ?? []
    const awaited = this.wanted.filter((name) => !serving.some((element) => element.name === name))
    const begun = this.stops ? 'stopping' : storeFault === undefined ? 'starting' : undefined
    return {
      status: begun ?? (store === undefined ? 'ok' : 'failing'),
      network: dialplan.name,
      ...(store === undefined ? {} : { store }),
      ...(begun === 'starting' ? { awaited } : {}),
      elements: serving.map(({ name }) => ({ name, role: plannedOf(dialplan, name)?.role })),
      listening: node?.listening ?? [],
      upSeconds: Math.round(process.uptime()),
    }
  }
}

/** Why it is not healthy, in words; undefined: it is. */
export function faultOf({ status, store, awaited = [] }: Health): string | undefined {
  if (status === 'stopping') return 'is stopping'
  if (status === 'starting') return `is starting${awaited.length === 0 ? '' : `, and waits for ${awaited.join(', ')}`}`
  return store === undefined ? undefined : `cannot store: ${store}`
}
