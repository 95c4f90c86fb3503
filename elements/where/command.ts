/** Commands as people write them (SPEC §8.8): in any case, with any spaces, and with a question mark or without. */

/** Metres to which a place is shown, or exactly. */
export type ShownPrecision = 'exact' | 100 | 1000 | 10_000 | 100_000

/** A name is as it was written; undefined: the sender, or everybody where that makes sense. */
export type Command =
  | { readonly does: 'where'; readonly name: string | undefined }
  | { readonly does: 'hide'; readonly name: string | undefined }
  | {
      readonly does: 'show'
      readonly name: string | undefined
      readonly precision: ShownPrecision
      /** Minutes of the day, UTC; undefined: for good. */
      readonly until: number | undefined
    }
  | { readonly does: 'who' }
  /** Number of a request in the answer to `who`, from 1. */
  | { readonly does: 'stop'; readonly number: number }
  | { readonly does: 'help' }

const precisions: { readonly [text: string]: ShownPrecision } = {
  exactly: 'exact',
  '100m': 100,
  '1km': 1000,
  '10km': 10_000,
  '100km': 100_000,
}
const usualPrecision = 1000 // metres
const longest = 400 // characters: a name has 256 at most

const where = /^where is (.+)$/i
const hide = /^hide from (.+)$/i
const show = /^show me to (.+?)(?: (exactly|100 ?m|1 ?km|10 ?km|100 ?km))?(?: until ([01]?\d|2[0-3]):([0-5]\d))?$/i
const own = /^me$/i
const all = /^all$/i
const stop = /^stop (\d{1,4})$/i

export function commandIn(text: string): Command {
  const words = text
    .slice(0, longest)
    .normalize('NFC')
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/ ?[?!.]+$/, '')
  if (/^where am i$/i.test(words)) return { does: 'where', name: undefined }
  if (/^who$/i.test(words)) return { does: 'who' }
  const [, number] = stop.exec(words) ?? []
  if (number !== undefined) return { does: 'stop', number: Number(number) }
  const [, asked] = where.exec(words) ?? []
  if (asked !== undefined) return { does: 'where', name: own.test(asked) ? undefined : asked }
  const [, hidden] = hide.exec(words) ?? []
  if (hidden !== undefined && !own.test(hidden)) return { does: 'hide', name: all.test(hidden) ? undefined : hidden }
  const [, shown, precise, hours, minutes] = show.exec(words) ?? []
  if (shown === undefined || all.test(shown) || / until\b/i.test(shown)) return { does: 'help' }
  const precision = precise === undefined ? usualPrecision : precisions[precise.replace(' ', '').toLowerCase()]!
  const until = hours === undefined ? undefined : Number(hours) * 60 + Number(minutes)
  return { does: 'show', name: own.test(shown) ? undefined : shown, precision, until }
}
