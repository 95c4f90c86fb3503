/** A durable table of phones over a store that a test steers. */
import { Kept, type KeptOptions } from '../../../../elements/shared/state/kept.ts'
import { type Json, memoryStore, type Store, silent } from '../../../../signalling/index.ts'
import { ManualClock } from '../../../../signalling/testing.ts'
import { SteeredStore } from '../../../support/steered-store.ts'

export interface Phone {
  readonly [member: string]: Json | undefined
  readonly owner: string
  readonly numbers?: readonly string[]
  readonly serial?: string
  readonly until?: number
}

export const prefix = 'shop/phone/'

export function keptScene(options: Partial<KeptOptions<Phone, string>> = {}, inner?: Store, clock = new ManualClock()) {
  const store = new SteeredStore(inner ?? memoryStore(clock))
  store.holds = false
  const errors: string[] = []
  const log = { ...silent, error: (_: object, text: string) => void errors.push(text) }
  const host = { store, log, clock }
  const kept = new Kept<Phone>(host, { prefix, noun: 'a phone', expires: ({ until }) => until, ...options })
  const bySerial = kept.uniqueIndex(({ serial }) => serial)
  const byNumber = kept.setIndex(({ numbers = [] }) => numbers)
  const again = async (more: Partial<KeptOptions<Phone, string>> = {}) => {
    const next = keptScene({ ...options, ...more }, store, clock)
    await next.kept.load()
    return next
  }
  return { kept, store, host, clock, errors, bySerial, byNumber, again }
}

export async function stored(store: Store): Promise<Record<string, Json>> {
  const found: Record<string, Json> = {}
  for await (const [key, { value }] of store.scan(prefix)) found[decodeURIComponent(key.slice(prefix.length))] = value
  return found
}

export const alice: Phone = { owner: 'alice', numbers: ['1', '2'], serial: 's1' }
export const bob: Phone = { owner: 'bob', numbers: ['2'], serial: 's2' }
