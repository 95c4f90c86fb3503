/**
 * Partial PIDF (RFC 5262, RFC 5263): the whole document first, then only its changes. These are patch operations
 * (RFC 5261) on the children of the root element, or the whole again where that is shorter.
 */
import { escaped } from '../shared/values/xml.ts'
import { inOrder, moved, Names } from './composition.ts'
import { type Part, type Pidf, pidf } from './pidf.ts'

export const partialType = 'application/pidf-diff+xml'
const namespace = 'urn:ietf:params:xml:ns:pidf-diff'
const plainId = /^[\w.-]+$/

/** A child of the root element as it stands under another, and how it is found there again. */
interface Child {
  readonly key: string
  readonly source: string
  /** Of a tuple with an identifier that needs no quoting. */
  readonly tuple: string | undefined
}

export interface Children {
  readonly entity: string
  readonly list: readonly Child[]
}

/** @param document a sound one */
export function childrenOf(document: Pidf): Children {
  const used = new Names()
  const counts = new Map<string, number>()
  const list = inOrder(document.parts).map((part) => {
    const name = `${part.meaning} ${part.id ?? ''}`
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return childOf(part, used, `${name} ${count}`)
  })
  return { entity: document.entity, list }
}

function childOf(part: Part, used: Names, key: string): Child {
  const { meaning, id } = part
  const tuple = meaning === `${pidf} tuple` && id !== undefined && plainId.test(id) ? id : undefined
  return { key, source: moved(part, used), tuple }
}

/**
 * @param before the document that the watcher has; undefined: none
 */
export function partialBody(now: Children, before: Children | undefined, version: number): string {
  const full = framed('full', now, version, now.list.map(({ source }) => source).join(''))
  const patch = before === undefined || before.entity !== now.entity ? undefined : patchOf(before.list, now.list)
  if (patch === undefined) return full
  const diff = framed('diff', now, version, patch)
  return diff.length < full.length ? diff : full
}

function framed(kind: 'full' | 'diff', { entity }: Children, version: number, inside: string): string {
  const attributes = `xmlns="${pidf}" xmlns:p="${namespace}" entity="${escaped(entity)}" version="${version}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<p:pidf-${kind} ${attributes}>${inside}</p:pidf-${kind}>\n`
}

/**
 * Operations in the order in which they apply; undefined: the remaining children have another order, which they cannot
 * express.
 */
function patchOf(before: readonly Child[], now: readonly Child[]): string | undefined {
  const wanted = new Set(now.map(({ key }) => key))
  const staying = before.filter(({ key }) => wanted.has(key))
  const stays = new Set(staying.map(({ key }) => key))
  let operations = ''
  for (let i = before.length - 1; i >= 0; i--)
    if (!stays.has(before[i]!.key)) operations += `<p:remove sel="${placeOf(before[i]!, i)}"/>`
  let next = 0
  for (const [i, child] of now.entries()) {
    const old = staying[next]
    if (old?.key === child.key) {
      if (old.source !== child.source) operations += `<p:replace sel="${placeOf(old, i)}">${child.source}</p:replace>`
      next++
    } else if (stays.has(child.key)) return undefined
    else {
      const where = old === undefined ? 'sel="*"' : `sel="${placeOf(old, i)}" pos="before"`
      operations += `<p:add ${where}>${child.source}</p:add>`
    }
  }
  return operations
}

/** RFC 5261 §4.1: a tuple by its identifier, all else by its place. */
function placeOf({ tuple }: Child, index: number): string {
  return tuple === undefined ? `*/*[${index + 1}]` : `*/tuple[@id='${tuple}']`
}
