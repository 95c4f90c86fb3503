/** Subscribers over HTTP: list, read, put, patch, remove and import. Credentials come in and never go out. */
import type { SubscriberRecord } from '../schemas/index.ts'
import { readJson, refuseCoding, typeOf } from '../shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../shared/http/page.ts'
import type { HttpOperation, HttpRequest, HttpRoute } from '../shared/http/route.ts'
import { importing, listing, patching, putting, reading, removing, subscriberSchemas } from './description.ts'
import type { Hss } from './index.ts'
import { type ProvisioningOutcome, settingsOf, type WantedChange } from './provisioning.ts'
import { type LineFault, RowsFault } from './rows/row.ts'
import { formats, readRows } from './rows/rows.ts'

const usualPage = 100
const longestPage = 1000
const batch = 250 // subscribers written at a time; signalling goes on between
const path = '/v1/subscribers'

/** Resources of the HSS of a node. Without one they say so. */
export function hssRoutes(hsses: readonly Hss[]): readonly HttpRoute[] {
  const of = (description: HttpOperation['description'], serve: (request: HttpRequest, hss: Hss) => Promise<HttpPage>) => ({
    description,
    serve: (request: HttpRequest) => {
      const [hss] = hsses
      if (hss === undefined) throw new HttpProblem(404, 'no HSS runs in this node')
      return serve({ ...request, log: request.log.child({ element: hss.name }) }, hss)
    },
  })
  return [
    {
      path: '/subscribers',
      operations: { GET: of(listing, list), POST: of(importing, importSubscribers) },
      schemas: subscriberSchemas(),
    },
    {
      path: '/subscribers/{id}',
      parameters: { id: 'identifier or alias' },
      operations: { GET: of(reading, read), PUT: of(putting, put), PATCH: of(patching, patch), DELETE: of(removing, remove) },
    },
  ]
}

/** `?prefix=&after=&limit=`; `next` leads to the next page. */
async function list({ query }: HttpRequest, hss: Hss): Promise<HttpPage> {
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
async function read(request: HttpRequest, hss: Hss): Promise<HttpPage> {
  const id = idOf(request)
  const record = hss.held(id)
  if (record === undefined) throw new HttpProblem(404, `there is no subscriber ${id}`)
  const tag = tagOf(record, request)
  if (lists(request.headers['if-none-match'], tag)) return { status: 304, headers: { ETag: tag } }
  return shown(200, record, request)
}

async function put(request: HttpRequest, hss: Hss): Promise<HttpPage> {
  const settings = await readJson(request, ['application/json'])
  return change({ do: 'put', id: idOf(request), settings, guard: guardOf(request) }, request, hss)
}

async function patch(request: HttpRequest, hss: Hss): Promise<HttpPage> {
  const members = await readJson(request, ['application/merge-patch+json', 'application/json'])
  return change({ do: 'patch', id: idOf(request), patch: members, guard: guardOf(request) }, request, hss)
}

function remove(request: HttpRequest, hss: Hss): Promise<HttpPage> {
  return change({ do: 'remove', id: idOf(request), guard: guardOf(request) }, request, hss)
}

async function change(wanted: WantedChange, request: HttpRequest, hss: Hss): Promise<HttpPage> {
  const [outcome] = await hss.provision([wanted])
  return answer(outcome!, request)
}

function idOf({ parameters }: HttpRequest): string {
  return parameters['id']!
}

function answer(outcome: ProvisioningOutcome, request: HttpRequest): HttpPage {
  if (outcome.fault !== undefined) {
    const { kind, pointer, text } = outcome.fault
    const status = { malformed: 422, taken: 409, unknown: 404, stale: 412 }[kind]
    const detail = pointer === '' || kind === 'taken' ? text : `${pointer} ${text}`
    throw new HttpProblem(status, detail, kind === 'malformed' || kind === 'taken' ? { errors: [{ pointer, detail: text }] } : {})
  }
  const { done, record, members } = outcome
  const { log, who } = request
  if (done !== 'unchanged') log.info({ who, subscriber: record.id, done, members }, 'subscriber changed over HTTP')
  if (done === 'removed') return { status: 204 }
  const page = shown(done === 'added' ? 201 : 200, record, request)
  return done === 'added' ? { ...page, headers: { ...page.headers, Location: `${path}/${encodeURIComponent(record.id)}` } } : page
}

function shown(status: number, record: SubscriberRecord, request: HttpRequest): HttpPage {
  return { ...json(status, settingsOf(record)), headers: { ETag: tagOf(record, request), 'Cache-Control': 'no-store' } }
}

/** Changes with every member, the password too, and says nothing of it. */
function tagOf(record: SubscriberRecord, { seal }: HttpRequest): string {
  return `"${seal(JSON.stringify(record))}"`
}

/** RFC 9110 §13.1: two who change the same do not undo each other's change unawares. */
function guardOf(request: HttpRequest): (record: SubscriberRecord | undefined) => boolean {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers
  return (record) => {
    const tag = record === undefined ? undefined : tagOf(record, request)
    return (match === undefined || lists(match, tag)) && (noneMatch === undefined || !lists(noneMatch, tag))
  }
}

function lists(header: string | undefined, tag: string | undefined): boolean {
  if (header === undefined || tag === undefined) return false
  return header.split(',').some((each) => each.trim() === '*' || each.trim() === tag)
}

/** A stream of CSV or JSON lines. Written rows stay, even if a later one fails. `?faults=`: how many are told at most. */
async function importSubscribers(request: HttpRequest, hss: Hss): Promise<HttpPage> {
  const { query, log, who } = request
  known(query, ['faults'])
  const faultLimit = count(query, 'faults', 100, 10_000)
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
    for await (const rows of readRows(request.body, format, batch)) {
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
