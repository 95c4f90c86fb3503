/** Descriptions of the HTTP interface to subscribers, made from the schemas that bodies are checked against. */
import settings from '../schemas/subscribers/subscriber-settings.json' with { type: 'json' }
import {
  describedAnswer,
  describedBody,
  describedProblem,
  headerParameter,
  type OpenApiSchema,
  objectOf,
  queryParameter,
  refusedAccess,
  schemaRef,
} from '../shared/http/description.ts'

const ifMatch = headerParameter('If-Match', 'Change it only if its ETag is still this one.')
const unknown = describedProblem('no such subscriber')
const changing = {
  409: describedProblem('an identifier belongs to somebody else'),
  412: describedProblem('it has changed since'),
  413: describedProblem('the body is too long'),
  415: describedProblem('another media type'),
  422: describedProblem('a member is not as expected; `errors` has its JSON pointer'),
  ...refusedAccess,
}

function tagged(description: string): OpenApiSchema {
  return { ...describedAnswer(description, schemaRef('Subscriber')), headers: { ETag: { schema: { type: 'string' } } } }
}

export const listing: OpenApiSchema = {
  summary: 'Subscribers in the order of their identifiers',
  parameters: [
    queryParameter('prefix', 'how the identifier starts; a bare name is one of a sip: URI', { type: 'string' }),
    queryParameter('after', 'begin behind this identifier', { type: 'string' }),
    queryParameter('limit', 'how many', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
  ],
  responses: {
    200: describedAnswer('a page', schemaRef('Page')),
    400: describedProblem('a parameter is wrong'),
    ...refusedAccess,
  },
}

const text = { schema: { type: 'string' } }

export const importing: OpenApiSchema = {
  summary: 'Adds or replaces many; lines that are wrong are told and passed over',
  parameters: [queryParameter('faults', 'how many are told', { type: 'integer', minimum: 1, maximum: 10_000, default: 100 })],
  requestBody: { required: true, content: { 'application/x-ndjson': text, 'application/jsonl': text, 'text/csv': text } },
  responses: {
    200: describedAnswer('all lines were read', schemaRef('Import')),
    422: describedAnswer('nothing could be read from a line on', schemaRef('Import')),
    415: describedProblem('another media type'),
    ...refusedAccess,
  },
}

export const reading: OpenApiSchema = {
  summary: 'One subscriber',
  responses: { 200: tagged('the subscriber'), 404: unknown, ...refusedAccess },
}

export const putting: OpenApiSchema = {
  summary: 'Adds or replaces one; keeps the credentials unless it brings others',
  parameters: [ifMatch, headerParameter('If-None-Match', '`*`: only if there is none yet.')],
  requestBody: { required: true, ...describedBody(schemaRef('SubscriberSettings')) },
  responses: { 200: tagged('replaced'), 201: tagged('added'), ...changing },
}

export const patching: OpenApiSchema = {
  summary: 'Changes some members (JSON merge patch, RFC 7396)',
  parameters: [ifMatch],
  requestBody: { required: true, ...describedBody(schemaRef('SubscriberPatch'), 'application/merge-patch+json') },
  responses: { 200: tagged('changed'), 404: unknown, ...changing },
}

export const removing: OpenApiSchema = {
  summary: 'Removes one',
  parameters: [ifMatch],
  responses: { 204: describedAnswer('removed'), 404: unknown, 412: changing[412], ...refusedAccess },
}

/** Schemas that these descriptions refer to. */
export function subscriberSchemas(): { readonly [name: string]: OpenApiSchema } {
  const { $schema: _, $id: __, ...whole } = settings
  const { password: ___, credentials: ____, ...open } = settings.properties
  const number = { type: 'integer', minimum: 0 }
  const faults = { type: 'array', items: schemaRef('LineFault') }
  const described = 'Never has a password or credentials.'
  return {
    SubscriberSettings: { ...whole, additionalProperties: false },
    Subscriber: { ...whole, title: 'Subscriber', description: described, properties: open, additionalProperties: false },
    SubscriberPatch: patchOf(whole),
    Page: objectOf({ subscribers: { type: 'array', items: schemaRef('Subscriber') }, total: number, next: { type: 'string' } }, [
      'next',
    ]),
    Import: objectOf({ lines: number, added: number, changed: number, unchanged: number, faulty: number, faults }),
    LineFault: objectOf({ line: number, pointer: { type: 'string' }, detail: { type: 'string' } }),
  }
}

/** No member is needed, and null takes one away. */
function patchOf(schema: OpenApiSchema): OpenApiSchema {
  const { required: _, properties, title, ...others } = schema
  if (properties === undefined) return { anyOf: [schema, { type: 'null' }] }
  const members = Object.entries(properties as { readonly [name: string]: OpenApiSchema })
  const named = title === undefined ? {} : { title: `${title}Patch` }
  return { ...others, ...named, properties: Object.fromEntries(members.map(([name, each]) => [name, nullable(each)])) }
}

function nullable(schema: OpenApiSchema): OpenApiSchema {
  return schema['properties'] === undefined ? patchOf(schema) : { anyOf: [patchOf(schema), { type: 'null' }] }
}
