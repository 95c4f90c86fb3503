/** The composition root: a dialplan and options to a running node with its clock, store and taps. */

import { resolve } from 'node:path'
import { outboundHttp } from '../../elements/shared/http/outbound.ts'
import {
  createNode,
  type Element,
  type Log,
  memoryStore,
  type Node,
  type NodeOptions,
  openLmdb,
  type Placement,
  RealClock,
  randomIds,
  type Store,
  systemResolver,
} from '../../signalling/index.ts'
import type { Tap } from '../../signalling/tools.ts'
import type { AssembledNetwork } from '../network/assemble.ts'
import type { CaptureSettings, Dialplan } from '../network/dialplan.ts'
import { Certificate } from './certificate.ts'
import { makeFolder } from './data-folder.ts'
import { type TapOptions, Taps } from './taps.ts'

export interface RunOptions extends TapOptions {
  readonly dialplan: Dialplan
  readonly assembled: AssembledNetwork
  /** Failures that an acknowledged write survives; without meaning where `data` is `memory`. Default `process`. */
  readonly durability?: 'process' | 'power'
  /** Implementation of UDP; default `auto`: the native module where this machine has it. */
  readonly udp?: NodeOptions['udp']
  readonly log: Log
  /** Called once its elements are about to start. */
  readonly starting?: (node: Node) => void
  /** Of an operator among several in this process: names in traces. */
  readonly nameTap?: (tap: Tap) => Tap
}

export interface RunningNode {
  readonly node: Node
  /** Elements that serve here now: some may be let go, and others taken up. */
  readonly elements: readonly Element[]
  /** Undefined: it runs all elements of its network. */
  readonly placement: Placement | undefined
  readonly clock: RealClock
  /** The reason why the store does not store now, for people; undefined: none. */
  storeFault(): string | undefined
  /** Resolves once the store has answered, be it with a fault. */
  storeAnswers(): Promise<void>
  /** Copies of messages go there from now on. */
  capture(capture: CaptureSettings | undefined): void
  /** Drains for at most `graceMs`, then closes everything that was opened. */
  stop(graceMs: number): Promise<void>
}

/** Opens, starts and returns a node. If a later step fails, all that is open is closed again and the step's error thrown. */
export async function runNode(options: RunOptions): Promise<RunningNode> {
  const { dialplan, assembled, udp = 'auto', log, starting, nameTap = asItIs } = options
  const clock = new RealClock((fault) => log.error({ err: fault }, 'fault in a timer'))
  const store = await openStore(options, clock)
  let taps: Taps | undefined
  try {
    const opened = (taps = new Taps(options, dialplan.name, clock, log))
    opened.mirrorTo(dialplan.capture)
    const certificate = dialplan.tls && new Certificate(dialplan.tls)
    const node = createNode({
      name: dialplan.name,
      plan: assembled.plan,
      elements: assembled.elements,
      listen: dialplan.listen,
      domains: dialplan.domains,
      trusted: dialplan.trusted,
      peers: dialplan.met ?? [],
      otherNodes: assembled.placement?.others ?? [],
      sourceRate: dialplan.limits.source,
      subscriptions: dialplan.limits.subscriptions,
      peerSubscriptions: dialplan.limits.peer,
      notifies: dialplan.limits.notifies,
      connections: dialplan.connections,
      resolver: systemResolver(dialplan.dns?.servers),
      http: outboundHttp({ clock }),
      store,
      clock,
      ids: randomIds(),
      udp,
      log,
      tap: opened.tap && nameTap(opened.tap),
      tls: certificate?.material,
    })
    starting?.(node)
    await node.start()
    certificate?.watch(node, clock, log)
    return {
      node,
      get elements() {
        return node.elements
      },
      placement: assembled.placement,
      clock,
      storeFault: () => store.fault?.(),
      storeAnswers: () => answered(store, dialplan.name),
      capture: (next) => renew(node, opened, next, nameTap),
      stop: (graceMs) => stop(node, opened, store, graceMs),
    }
  } catch (error) {
    await taps?.close()
    await store.close()
    throw error
  }
}

function openStore({ dialplan, durability = 'process', log }: RunOptions, clock: RealClock): Promise<Store> | Store {
  if (dialplan.data === 'memory') return memoryStore(clock)
  const folder = resolve(dialplan.data)
  makeFolder(folder)
  return openLmdb({ folder, clock, durability, log })
}

/** While it tells of a fault, it has answered. Else a record that is not there is deleted: that writes nothing, by the way of all writes. */
async function answered(store: Store, node: string): Promise<void> {
  if (store.fault?.() !== undefined) return
  await store.write([{ key: `node/${node}/watchdog`, delete: true }]).catch(() => undefined) // it has told its fault
}

function asItIs(tap: Tap): Tap {
  return tap
}

function renew(node: Node, taps: Taps, capture: CaptureSettings | undefined, nameTap: (tap: Tap) => Tap): void {
  const renewed = taps.mirrorTo(capture)
  if (renewed === undefined) return
  node.watchBy(taps.tap && nameTap(taps.tap))
  void renewed.former?.close?.()
}

async function stop(node: Node, taps: Taps, store: Store, graceMs: number): Promise<void> {
  await node.stop(graceMs)
  await taps.close()
  await store.close()
}
