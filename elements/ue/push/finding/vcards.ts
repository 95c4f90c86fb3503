/** vCards (RFC 6350) as entries: a person with a Push identifier has it as IMPP or in a field of ours. */
import ICAL from 'ical.js'
import type { LocalEntry } from './entries.ts'
import { isPushIdentifierUri } from './push-uri.ts'

const pushFields = ['impp', 'x-push', 'x-sip', 'url']

/** Cards without a Push identifier are left out. Throws an error with one line for people where the text has no cards. */
export function cardEntries(text: string): readonly LocalEntry[] {
  const parsed: unknown = ICAL.parse(text)
  const cards = cardsIn(parsed)
  if (cards.length === 0) throw new TypeError('expected cards that begin with BEGIN:VCARD')
  return cards.flatMap((card) => entryOf(new ICAL.Component(card as [string, [], []])) ?? [])
}

/** One card as jCard (RFC 7095), or a list of them. */
function cardsIn(parsed: unknown): readonly unknown[] {
  if (!Array.isArray(parsed)) return []
  return parsed[0] === 'vcard' ? [parsed] : parsed.filter((each) => Array.isArray(each) && each[0] === 'vcard')
}

function entryOf(card: InstanceType<typeof ICAL.Component>): LocalEntry | undefined {
  const values = (field: string): readonly string[] =>
    card.getAllProperties(field).flatMap((property) => property.getValues().flat().map(String))
  const first = (field: string): string | undefined => values(field).find((value) => value.trim() !== '')
  const uri = pushFields.flatMap(values).find(isPushIdentifierUri)
  if (uri === undefined) return undefined
  const [name, nickname, number] = [first('fn'), first('nickname'), first('tel')]
  const address = values('impp').find((value) => /^sips?:/i.test(value) && value !== uri) ?? first('email')
  return {
    uri,
    ...(name === undefined ? {} : { name }),
    ...(nickname === undefined ? {} : { nickname }),
    ...(number === undefined ? {} : { number: number.replace(/^tel:/i, '') }),
    ...(address === undefined ? {} : { address }),
  }
}
