/**
 * One document out of several (RFC 3856 §3.3, RFC 4479). It has every tuple, person and device that was published,
 * word by word, the newest publication first. An identifier that two of them use is made unique. An older tuple of
 * the same identifier and contact as a newer one is left out. Its client lost its entity tag, or published before it
 * had one, as baresip does.
 */
import { escaped } from '../shared/values/xml.ts'
import { type Part, type Pidf, pidf } from './pidf.ts'

/** In the order of PIDF's schema. */
const kinds = [`${pidf} tuple`, `${pidf} note`]

const contactOf = /<(?:[\w.-]+:)?contact(?:\s[^<>]*)?>\s*([^<\s]+)\s*</

/** @param documents sound ones about `entity`, the newest first */
export function composed(entity: string, documents: readonly Pidf[]): string {
  const used = new Names()
  const contacts = new Set<string>()
  const groups: string[][] = [[], [], []]
  for (const document of documents) {
    for (const part of document.parts) {
      const kind = kinds.indexOf(part.meaning)
      const contact = kind === 0 ? contactOf.exec(part.source)?.[1] : undefined
      const same = contact === undefined ? undefined : `${part.id} ${contact}`
      if (same !== undefined && contacts.has(same)) continue
      if (same !== undefined) contacts.add(same)
      groups[kind < 0 ? kinds.length : kind]!.push(moved(part, used))
    }
  }
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="${pidf}" entity="${escaped(entity)}">`
  return `${head}\n${groups.flat().join('\n')}\n</presence>\n`
}

/** Tuples, notes, all else, as PIDF's schema wants them. */
export function inOrder(parts: readonly Part[]): readonly Part[] {
  const kindOf = ({ meaning }: Part): number => (kinds.indexOf(meaning) + kinds.length + 1) % (kinds.length + 1)
  return parts.toSorted((a, b) => kindOf(a) - kindOf(b))
}

/** The element as it can stand under another root, with an identifier of its own. */
export function moved({ source, nameEnd, tagEnd, id, added }: Part, used: Names): string {
  const unique = id === undefined ? undefined : used.unique(id)
  if (unique === id && added === '') return source
  let tag = source.slice(nameEnd, tagEnd)
  if (unique !== undefined && unique !== id) tag = tag.replace(/(\sid\s*=\s*)(?:"[^"]*"|'[^']*')/, `$1"${escaped(unique)}"`)
  return source.slice(0, nameEnd) + added + tag + source.slice(tagEnd)
}

/** Identifiers given so far. */
export class Names {
  private readonly given = new Set<string>()
  /** The next number to try for a name that many want. */
  private readonly next = new Map<string, number>()

  unique(id: string): string {
    let name = id
    let number = this.next.get(id) ?? 2
    while (this.given.has(name)) name = `${id}.${number++}`
    this.given.add(name)
    this.next.set(id, number)
    return name
  }
}
