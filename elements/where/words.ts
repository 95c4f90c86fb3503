/** Answers to commands as people read them (SPEC §8.8), short enough for any way. */
import type { LocationLog, PrivacyProfileRule } from '../schemas/index.ts'
import { describedPlace } from '../shared/location/described-place.ts'
import type { ReadPlace } from '../shared/location/told-place.ts'
import type { ShownPrecision } from './command.ts'
import { shownName } from './person.ts'

/** Bytes of parts of an answer: its MESSAGE stays below 1300 (SPEC §2.3). */
const bytesOfRules = 350
const bytesOfLog = 150
const longestName = 64 // characters

export function helpWords(domain: string): string {
  return [
    'where am I; where is NAME; who (may know where I am, waits, or was told); stop N (ends request N of who); hide from NAME or all;',
    'show me to NAME, and at its end exactly, 100 m, 1 km (the usual), 10 km or 100 km, and until HH:MM (UTC); help.',
    `NAME is somebody@${domain}, without its domain too, or any other address.`,
  ].join(' ')
}

/** @param name undefined: the sender himself */
export function placeWords(name: string | undefined, { note = '', place }: ReadPlace): string {
  const whose = name === undefined ? '' : `${shortened(name)}: `
  if (place !== undefined) return `${whose}${describedPlace(place)}`
  return `${whose}no place now (${shortened(note)}). Ask again later.`
}

/** The same for who tells nothing and for who is nobody. */
export function unknownWords(name: string | undefined): string {
  if (name === undefined) return 'By your rules nobody may know where you are, nor may you. To change that: show me to me exactly'
  return `${shortened(name)} does not tell you, or nobody is called so.`
}

export function noAnswerWords(fault: string): string {
  return `No answer now (${shortened(fault)}). Ask again later.`
}

/** @param since milliseconds since the epoch */
export function doneWords(since: number, what: string): string {
  return `Done ${new Date(since).toISOString().slice(11, 23)}: ${what}`
}

export function hiddenWords(name: string | undefined): string {
  return name === undefined ? 'nobody sees anything.' : `${shortened(name)} sees nothing.`
}

/** @param until ISO time; left out: for good */
export function shownWords(name: string | undefined, precision: ShownPrecision, until?: string): string {
  const sees = name === undefined ? 'you see yourself' : `${shortened(name)} sees you`
  const end = until === undefined ? '' : `, until ${until.slice(11, 16)} UTC`
  return `${sees} ${precision === 'exact' ? 'exactly' : `to ${distanceWords(precision)}`}${end}.`
}

export function undoneWords(fault: string): string {
  return `Not done: ${fault.slice(0, 200)}.`
}

/** List of who may know where the sender is, by his rules. @param sender canonical; he himself is left out */
export function whoWords(rules: readonly PrivacyProfileRule[], sender: string, domains: readonly string[]): string {
  const entries = rules.flatMap((rule) => {
    const details = detailsOf(rule)
    return details === '' ? [] : namesIn(rule, sender, domains).map((name) => `${name} (${details})`)
  })
  if (entries.length === 0) return 'By your rules nobody else may know where you are.'
  return `May: ${listed([...new Set(entries)], bytesOfRules)}.`
}

/** Sentences about who waits to be told, by number, and who was told within a day; undefined: nobody knows now. */
export function logWords(log: LocationLog | undefined, domains: readonly string[]): readonly string[] {
  if (log === undefined) return ['Who waits to be told, or was, cannot be said now.']
  const waiting = log.active.map((one, index) => `${index + 1} ${askerWords(one, domains)}`)
  const earlier = [...Map.groupBy(log.past, ({ requestor }) => shownName(requestor, domains))].map(([name, all]) => {
    const times = all.length === 1 ? '' : ` ${all.length} times, last`
    return `${shortened(name)}${times} ${all[0]!.at.slice(11, 16)}`
  })
  return [
    ...(waiting.length === 0 ? [] : [`Waiting to be told: ${listed(waiting, bytesOfLog)}. To end the first: stop 1.`]),
    ...(earlier.length === 0 ? [] : [`Told today (UTC): ${listed(earlier, bytesOfLog)}.`]),
  ]
}

/** @param whose words of `askerWords` */
export function stoppedWords(whose: string): string {
  return `the request of ${whose} has ended.`
}

export function noNumberWords(number: number): string {
  return `there is no number ${number}; send who, for the numbers`
}

export function askerWords({ client, requestor, type }: LocationLog['active'][number], domains: readonly string[]): string {
  const by = client === requestor ? '' : ` by ${shortened(client)}`
  return `${shortened(shownName(requestor, domains))}${by} (${typeWords[type]})`
}

const typeWords: { readonly [type in LocationLog['active'][number]['type']]: string } = {
  immediate: 'now',
  at: 'once, at a set time',
  available: 'once, when you are back',
  periodic: 'again and again',
  area: 'when you enter or leave an area',
  moved: 'when you move',
}

/** As many entries as there is room for, and how many there are more. */
function listed(entries: readonly string[], room: number): string {
  const said: string[] = []
  let bytes = 0
  for (const entry of entries) {
    bytes += Buffer.byteLength(entry) + 2
    if (bytes > room) break
    said.push(entry)
  }
  const more = entries.length - said.length
  return [...said, ...(more === 0 ? [] : [`and ${more} more`])].join(', ')
}

function namesIn({ client, who }: PrivacyProfileRule, sender: string, domains: readonly string[]): readonly string[] {
  const one = who?.one ?? []
  const domain = who?.domain ?? []
  const except = [...new Set((who?.except ?? []).map((each) => shortened(shownName(each, domains))))]
  const but = except.length === 0 ? '' : ` but ${except.slice(0, 5).join(', ')}${except.length > 5 ? ' …' : ''}`
  const isAnybody = who?.one === undefined && who?.domain === undefined
  const anybody = client === undefined ? 'everybody' : client.map(shortened).join(' or ')
  if (isAnybody) return [`${anybody}${but}`]
  const people = one.filter((each) => each !== sender).map((each) => shortened(shownName(each, domains)))
  const by = client === undefined ? '' : ` by ${client.map(shortened).join(' or ')}`
  return [...people, ...domain.map((each) => `everybody at ${shortened(each)}${but}`)].map((name) => `${name}${by}`)
}

/** Empty: nothing is granted that could be told. */
function detailsOf({
  civic,
  codeword,
  events,
  from,
  in: area,
  mode,
  precision,
  sealed,
  service,
  until,
  weekly,
}: PrivacyProfileRule) {
  const much = precision === 'exact' ? 'exactly' : precision === undefined ? undefined : distanceWords(precision)
  const granted = [much, civic, events === true && much === undefined ? 'events' : undefined].filter((each) => each !== undefined)
  if (granted.length === 0) return ''
  const modes = { allow: undefined, notify: 'tells you', 'ask-allow': 'asks you', 'ask-deny': 'asks you' }
  const conditions = [
    modes[mode],
    service === undefined ? undefined : `for ${service.map(shortened).join(' or ')}`,
    (codeword ?? sealed) === undefined ? undefined : 'with a codeword',
    (from ?? until ?? weekly) === undefined ? undefined : 'at times',
    area === undefined ? undefined : 'in one area',
  ]
  return [...granted, ...conditions.filter((each) => each !== undefined)].join(', ')
}

function distanceWords(metres: number): string {
  return metres < 1000 ? `${metres} m` : `${metres / 1000} km`
}

function shortened(text: string): string {
  const characters = [...text]
  return characters.length <= longestName ? text : `${characters.slice(0, longestName - 1).join('')}…`
}
