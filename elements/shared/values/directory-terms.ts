/** Terms of an address book (SPEC §5.3): each kind of name in the one form in which it is compared. */
import type { PushQuery } from '../../schemas/index.ts'
import { deviceKey, subscriberKey } from '../identifiers/devices.ts'
import { pushIdentifier, pushKey } from '../identifiers/push.ts'

type TermKind = 'name' | 'nickname' | 'number' | 'address' | 'id' | 'application' | 'content'

/** One name of something, in the form in which it is compared. */
export interface Term {
  readonly kind: TermKind
  readonly text: string
}

/** Kinds whose text is the key of a subscriber, who may have it without being in any list. */
export const kindsOfKeys: readonly TermKind[] = ['number', 'address', 'id']

export function keyOfTerm({ kind, text }: Term): string {
  return `${kind} ${text}`
}

/** Letters of either case and any blanks are alike. */
export function nameTerm(kind: 'name' | 'nickname' | 'application', text: string): Term {
  return { kind, text: text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase() }
}

/** Global, however it is separated; else a code, which is a user of the first domain. */
export function numberTerm(text: string, domains: readonly string[]): Term | undefined {
  const plain = text.replace(/^tel:/i, '').replace(/[\s().-]/g, '')
  if (!/^\+?[\dA-Fa-f*#]+$/.test(plain)) return undefined
  const key = plain.startsWith('+') ? deviceKey(`tel:${plain}`, domains) : subscriberKey(plain, domains)
  return key === undefined ? undefined : { kind: 'number', text: key }
}

/** A URI, `bob@op-b.example`, or a user of the first domain. */
export function addressTerm(text: string, domains: readonly string[]): Term | undefined {
  const uri = !text.includes(':') && text.includes('@') ? `sip:${text}` : text
  const key = subscriberKey(uri.includes(':') ? uri : encodeURIComponent(uri), domains)
  return key === undefined ? undefined : { kind: 'address', text: key }
}

function idTerm(text: string, domains: readonly string[]): Term | undefined {
  const id = pushIdentifier(text)
  const key = id === undefined ? deviceKey(text, domains) : pushKey(id, domains)
  return key === undefined ? undefined : { kind: 'id', text: key }
}

/** Media types that stand for that one too: `image/png`, `image/*`. */
function contentTerms(type: string): readonly Term[] {
  const lower = type.toLowerCase()
  const [main] = lower.split('/', 1)
  return [lower, `${main}/*`, '*/*'].map((text) => ({ kind: 'content', text }))
}

/** Terms of which an entry has to have one; undefined: the question has not exactly one member that says what is wanted. */
export function termsOf(query: PushQuery, domains: readonly string[]): readonly Term[] | undefined {
  const { limit: _, self, ...wanted } = query
  const asked = Object.entries(wanted).filter(([kind]) => kind in readers) as [AskedKind, string][]
  if (asked.length + (self === true ? 1 : 0) !== 1) return undefined
  return asked.flatMap(([kind, text]) => readers[kind](text, domains)).filter((term) => term !== undefined)
}

type AskedKind = Exclude<keyof PushQuery, 'self' | 'limit'>
type TermReader = (text: string, domains: readonly string[]) => readonly (Term | undefined)[]

const readers: { readonly [Kind in AskedKind]-?: TermReader } = {
  name: (text) => [nameTerm('name', text)],
  nickname: (text) => [nameTerm('nickname', text)],
  number: (text, domains) => [numberTerm(text, domains)],
  address: (text, domains) => [addressTerm(text, domains)],
  alias: (text, domains) => [
    nameTerm('name', text),
    nameTerm('nickname', text),
    numberTerm(text, domains),
    addressTerm(text, domains),
  ],
  id: (text, domains) => [idTerm(text, domains)],
  application: (text) => [nameTerm('application', text)],
  content: (text) => contentTerms(text),
}
