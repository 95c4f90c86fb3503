/** Entries of a client's own (SPEC §5.3): people and applications with their Push identifiers, by each of their names. */
import type { PushDirectoryEntry, PushQuery } from '../../../schemas/index.ts'
import { addressTerm, keyOfTerm, nameTerm, numberTerm, type Term, termsOf } from '../../../shared/values/directory-terms.ts'

/** A person, or an application. Strings that are no URI, number or address are never found by that. */
export interface LocalEntry extends PushDirectoryEntry {
  /** Ordinary address. */
  readonly address?: string
  /** Media types that the application takes. */
  readonly content?: readonly string[]
  /** Applications that may stand for it, in this order. */
  readonly similar?: readonly string[]
}

const most = 100_000 // entries of one client

export class LocalEntries {
  private readonly domains: readonly string[]
  private readonly byTerm = new Map<string, LocalEntry[]>()
  private readonly similar = new Map<string, readonly string[]>()
  private count = 0

  /** @param domain of its user, in which names without a domain are */
  constructor(domain: string, entries: readonly LocalEntry[] = []) {
    this.domains = [domain]
    for (const entry of entries) this.add(entry)
  }
  /** False: there are too many. */
  add(entry: LocalEntry): boolean {
    if (this.count >= most) return false
    this.count++
    if (entry.application !== undefined && entry.similar !== undefined) this.similar.set(entry.application, entry.similar)
    for (const key of new Set(this.termsOf(entry).map(keyOfTerm))) {
      const known = this.byTerm.get(key)
      if (known === undefined) this.byTerm.set(key, [entry])
      else known.push(entry)
    }
    return true
  }
  find(query: PushQuery): readonly LocalEntry[] {
    const found = (termsOf(query, this.domains) ?? []).flatMap((term) => this.byTerm.get(keyOfTerm(term)) ?? [])
    return [...new Set(found)]
  }
  similarTo(application: string): readonly string[] {
    return this.similar.get(application) ?? []
  }

  private termsOf(entry: LocalEntry): readonly Term[] {
    const { address, application, content = [], name, nickname, number, uri } = entry
    const terms: readonly (Term | undefined)[] = [
      ...(name === undefined ? [] : [nameTerm('name', name)]),
      ...(nickname === undefined ? [] : [nameTerm('nickname', nickname)]),
      ...(number === undefined ? [] : [numberTerm(number, this.domains)]),
      ...(address === undefined ? [] : [addressTerm(address, this.domains)]),
      ...(uri === undefined ? [] : (termsOf({ id: uri }, this.domains) ?? [])),
      ...(application === undefined ? [] : [nameTerm('application', application)]),
      ...(application === undefined || name === undefined ? [] : [nameTerm('application', name)]),
      ...content.map((type): Term => ({ kind: 'content', text: type.toLowerCase() })),
    ]
    return terms.filter((term) => term !== undefined)
  }
}
