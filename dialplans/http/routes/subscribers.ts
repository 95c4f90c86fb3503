/** Subscribers over HTTP: list, read, put, patch, remove and import. Credentials come in and never go out. */
import type { IncomingMessage } from 'node:http'
import {
  formats,
  type LineFault,
  type ProvisioningOutcome,
  RowsFault,
  readRows,
  settingsOf,
  type WantedChange,
} from '../../../elements/hss/index.ts'
import type { SubscriberRecord } from '../../../elements/schemas/index.ts'
import { readJson, refuseCoding, typeOf } from '../../../elements/shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../../../elements/shared/http/page.ts'
import { seal } from '../../../signalling/index.ts'
import { whoOf } from '../access.ts'
import type { HssApiOptions } from '../options.ts'

const usualPage = 100
const longestPage = 1000
const batch = 250 // subscribers written at a time; signalling goes on between
const path = '/v1/subscribers'

/** `?prefix=&after=&limit=`; `next` leads to the next page. */
export async function list(query: URLSearchParams, { hss }: HssApiOptions): Promise<HttpPage> {
  known(query, ['prefix', 'after', 'limit'])
  const limit = count(query, 'limit', usualPage, longestPage)
  const text = query.get('prefix') ?? ''
  const prefix = text === '' || text.includes(':') ? text : `sip:${text}`
  const records = await hss.page(prefix, query.get('after') ?? undefined, limit + 1)
  const shown = records.slice(0, limit)
  const more = new URLSearchParams({ ...(text === '' ? {} : { prefix: text }), after: shown.at(-1)?.id ?? '', limit: `${limit}` })
  const next = records.length > limit ? { next: `${path}?${more}` } : {}
  return json(200, { subscribers: shown.map(settingsOf), total: hss.size, ...next })
}

/** One subscriber, by identifier or alias. */
export async function one(request: IncomingMessage, method: string, id: string, options: HssApiOptions): Promise<HttpPage> {
  const { hss } = options
  if (method === 'GET') {
    const record = hss.held(id)
    if (record === undefined) throw new HttpProblem(404, `there is no subscriber ${id}`)
    const tag = tagOf(record, options)
    if (lists(request.headers['if-none-match'], tag)) return { status: 304, headers: { ETag: tag } }
    return shown(200, record, options)
  }
  const guard = guardOf(request, options)
  let wanted: WantedChange
  if (method === 'DELETE') wanted = { do: 'remove', id, guard }
  else if (method === 'PUT') wanted = { do: 'put', id, settings: await readJson(request, ['application/json']), guard }
  else wanted = { do: 'patch', id, patch: await readJson(request, ['application/merge-patch+json', 'application/json']), guard }
  const [outcome] = await hss.provision([wanted])
  return answer(outcome!, whoOf(request), options)
}

function answer(outcome: ProvisioningOutcome, who: string, options: HssApiOptions): HttpPage {
  if (outcome.fault !== undefined) {
    const { kind, pointer, text } = outcome.fault
    const status = { malformed: 422, taken: 409, unknown: 404, stale: 412 }[kind]
    const detail = pointer === '' || kind === 'taken' ? text : `${pointer} ${text}`
    throw new HttpProblem(status, detail, kind === 'malformed' || kind === 'taken' ? { errors: [{ pointer, detail: text }] } : {})
  }
  const { done, record, members } = outcome
  if (done !== 'unchanged') options.log.info({ who, subscriber: record.id, done, members }, 'subscriber changed over HTTP')
  if (done === 'removed') return { status: 204 }
  const page = shown(done === 'added' ? 201 : 200, record, options)
  return done === 'added' ? { ...page, headers: { ...page.headers, Location: `${path}/${encodeURIComponent(record.id)}` } } : page
}

function shown(status: number, record: SubscriberRecord, options: HssApiOptions): HttpPage {
  return { ...json(status, settingsOf(record)), headers: { ETag: tagOf(record, options), 'Cache-Control': 'no-store' } }
}

/** Changes with every member, the password too, and says nothing of it. */
function tagOf(record: SubscriberRecord, { access }: HssApiOptions): string {
  return `"${seal(access.token ?? '', JSON.stringify(record), 22)}"`
}

/** RFC 9110 §13.1: two who change the same do not undo each other's change unawares. */
function guardOf({ headers }: IncomingMessage, options: HssApiOptions): (record: SubscriberRecord | undefined) => boolean {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  return (record) => {
    const tag = record === undefined ? undefined : tagOf(record, options)
    return (match === undefined || lists(match, tag)) && (noneMatch === undefined || !lists(noneMatch, tag))
  }
}

function lists(header: string | undefined, tag: string | undefined): boolean {
  if (header === undefined || tag === undefined) return false
  return header.split(',').some((each) => each.trim() === '*' || each.trim() === tag)
}

/** A stream of CSV or JSON lines. Written rows stay, even if a later one fails. `?faults=`: how many are told at most. */
export async function importSubscribers(
  request: IncomingMessage,
  query: URLSearchParams,
  { hss, log }: HssApiOptions,
): Promise<HttpPage> {
  known(query, ['faults'])
  const faultLimit = count(query, 'faults', 100, 10_000)
  const who = whoOf(request)
  const format = formats[typeOf(request)]
  if (format === undefined) {
    const types = Object.keys(formats)
    throw new HttpProblem(415, `the body is to be ${types.join(' or ')}`, { headers: { Accept: types.join(', ') } })
  }
  refuseCoding(request)
  const counts = { added: 0, changed: 0, unchanged: 0, removed: 0 }
  const faults: LineFault[] = []
  let [lines, faulty] = [0, 0]
  const blame = (fault: LineFault): void => {
    faulty++
    if (faults.length < faultLimit) faults.push(fault)
  }
  let stopped: string | undefined
  try {
    for await (const rows of readRows(request, format, batch)) {
      lines += rows.length
      const sound: { readonly line: number; readonly settings: unknown }[] = []
      for (const row of rows) {
        if (row.fault === undefined) sound.push(row)
        else blame({ line: row.line, ...row.fault })
      }
      const outcomes = await hss.provision(sound.map(({ settings }) => ({ do: 'put', settings })))
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.fault === undefined) {
          counts[outcome.done]++
          log.debug({ who, subscriber: outcome.record.id, done: outcome.done, members: outcome.members }, 'subscriber imported')
        } else blame({ line: sound[i]!.line, pointer: outcome.fault.pointer, detail: outcome.fault.text })
      }
    }
  } catch (fault) {
    if (!(fault instanceof RowsFault)) throw fault
    stopped = fault.message
    blame({ line: fault.line, pointer: '', detail: fault.message })
  } finally {
    const { added, changed } = counts
    log.info({ who, lines, added, changed, faulty }, 'subscribers imported over HTTP')
  }
  const { removed: _, ...outcome } = counts
  return json(stopped === undefined ? 200 : 422, { lines, ...outcome, faulty, faults: faults.sort((a, b) => a.line - b.line) })
}

function known(query: URLSearchParams, names: readonly string[]): void {
  const odd = [...query.keys()].find((name) => !names.includes(name))
  if (odd !== undefined) throw new HttpProblem(400, `there is no parameter ${odd}; there are ${names.join(', ')}`)
}

function count(query: URLSearchParams, name: string, usual: number, most: number): number {
  const text = query.get(name)
  if (text === null) return usual
  const number = Number(text)
  if (!/^[1-9]\d*$/.test(text) || number > most) throw new HttpProblem(400, `${name} is a whole number from 1 to ${most}`)
  return number
}
