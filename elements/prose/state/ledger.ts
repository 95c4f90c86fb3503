/** The proximity server's part of the store, below `prose/<name>/`: codes, relations, triggered lists, sets of peers. */
import type { Json, Log, Store, StoreWrite } from '../../../signalling/index.ts'
import { keyPart } from '../../shared/identifiers/keys.ts'
import type { BroadcastCode } from './broadcast-codes.ts'
import type { Relation } from './proximate-list.ts'
import { storedForm, type TriggeredList, type TriggeredPeers } from './triggered.ts'

/** Peers of a set query (FIG 11); too long for the subscription's own record. */
export interface PeerSet {
  readonly id: string
  readonly peers: readonly string[]
  readonly wake: boolean
}

/** The receiver of records that were read back. */
interface LedgerReader {
  code(code: BroadcastCode): void
  relation(relation: Relation): void
  trigger(list: TriggeredList): void
  set(set: PeerSet): void
}

export class Ledger {
  private readonly store: Store
  private readonly prefix: string
  private readonly log: Log

  constructor(store: Store, name: string, log: Log) {
    this.store = store
    this.prefix = `prose/${name}/`
    this.log = log
  }

  putCode({ text, device, issued, validUntil }: BroadcastCode): StoreWrite {
    return { key: `${this.prefix}code/${text}`, value: { text, device, issued, validUntil }, expires: validUntil }
  }
  deleteCode(code: BroadcastCode): StoreWrite {
    return { key: `${this.prefix}code/${code.text}`, delete: true }
  }
  putRelation({ reporter, peer, since, lastHeard, rssi, code }: Relation, due: number): StoreWrite {
    return { key: this.relationKey(reporter, peer), value: { reporter, peer, since, lastHeard, rssi, code }, expires: due }
  }
  deleteRelation({ reporter, peer }: Relation): StoreWrite {
    return { key: this.relationKey(reporter, peer), delete: true }
  }
  putTrigger(device: string, triggered: TriggeredPeers): StoreWrite {
    const key = `${this.prefix}trigger/${keyPart(device)}`
    return triggered.peers.size === 0 ? { key, delete: true } : { key, value: storedForm(device, triggered) }
  }
  putSet(set: PeerSet): StoreWrite {
    return { key: `${this.prefix}set/${set.id}`, value: { ...set } }
  }
  deleteSet(id: string): StoreWrite {
    return { key: `${this.prefix}set/${id}`, delete: true }
  }

  /** Resolves when durable; rejects only if the store itself failed. */
  async write(writes: readonly StoreWrite[]): Promise<void> {
    if (writes.length > 0) await this.store.write(writes)
  }

  /** Writes that need not be waited for: they record facts, and a restart without them heals itself. */
  writeSoon(writes: readonly StoreWrite[]): Promise<void> {
    return this.write(writes).catch((fault: unknown) => {
      this.log.error({ fault: String(fault) }, 'the store failed')
    })
  }

  async load(reader: LedgerReader): Promise<void> {
    await this.each<BroadcastCode>('code/', (code) => reader.code(code))
    await this.each<Relation>('near/', (relation) => reader.relation({ ...relation }))
    await this.each<TriggeredList>('trigger/', (list) => reader.trigger(list))
    await this.each<PeerSet>('set/', (set) => reader.set(set))
  }

  private async each<Value>(part: string, take: (value: Value) => void): Promise<void> {
    for await (const [, entry] of this.store.scan(this.prefix + part)) take(entry.value as Json as unknown as Value)
  }

  private relationKey(reporter: string, peer: string): string {
    return `${this.prefix}near/${keyPart(reporter)}/${keyPart(peer)}`
  }
}
