/** The description of the HTTP interface (OpenAPI 3.1), made from the schemas that bodies are checked against. */
import settings from '../../elements/schemas/subscribers/subscriber-settings.json' with { type: 'json' }

type Schema = { readonly [keyword: string]: unknown }

const described = 'Never has a password or credentials.'
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const body = (schema: Schema, type = 'application/json'): Schema => ({ content: { [type]: { schema } } })
const answer = (description: string, schema?: Schema): Schema => ({
  description,
  ...(schema === undefined ? {} : body(schema)),
})
const problem = (description: string): Schema => ({ description, ...body(ref('Problem'), 'application/problem+json') })
const query = (name: string, description: string, schema: Schema): Schema => ({ name, in: 'query', description, schema })
const header = (name: string, description: string): Schema => ({ name, in: 'header', description, schema: { type: 'string' } })
const tagged = (description: string): Schema => ({
  ...answer(description, ref('Subscriber')),
  headers: { ETag: { schema: { type: 'string' } } },
})
const ifMatch = header('If-Match', 'Change it only if its ETag is still this one.')
const refused = { 401: problem('no token, or a wrong one'), 403: problem('from another machine, or a page of another site') }

const userName = {
  name: 'user',
  in: 'path',
  required: true,
  description: 'device identifier or bare name',
  schema: { type: 'string' },
}

/** The whole document. */
export function openapi(): Schema {
  return {
    openapi: '3.1.0',
    info: { title: 'Proxima subscribers', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      '/v1/subscribers': { get: listing(), post: importing() },
      '/v1/subscribers/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, description: 'identifier or alias', schema: { type: 'string' } }],
        ...single(),
      },
      '/v1/attached/{user}': {
        parameters: [userName],
        get: attachment('Where a user is attached, and by which temporary identifier'),
      },
      '/v1/attached/{user}/reallocate': {
        parameters: [userName],
        post: attachment('Gives him another temporary identifier; the old one counts for the grace period'),
      },
      '/v1/openapi.json': { get: { summary: 'This document', responses: { 200: { description: 'OpenAPI 3.1' }, ...refused } } },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: schemas(),
    },
  }
}

function listing(): Schema {
  return {
    summary: 'Subscribers in the order of their identifiers',
    parameters: [
      query('prefix', 'how the identifier starts; a bare name is one of a sip: URI', { type: 'string' }),
      query('after', 'begin behind this identifier', { type: 'string' }),
      query('limit', 'how many', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
    ],
    responses: { 200: answer('a page', ref('Page')), 400: problem('a parameter is wrong'), ...refused },
  }
}

function importing(): Schema {
  const text = { schema: { type: 'string' } }
  return {
    summary: 'Adds or replaces many; lines that are wrong are told and passed over',
    parameters: [query('faults', 'how many are told', { type: 'integer', minimum: 1, maximum: 10_000, default: 100 })],
    requestBody: { required: true, content: { 'application/x-ndjson': text, 'application/jsonl': text, 'text/csv': text } },
    responses: {
      200: answer('all lines were read', ref('Import')),
      422: answer('nothing could be read from a line on', ref('Import')),
      415: problem('another media type'),
      ...refused,
    },
  }
}

function single(): Schema {
  const unknown = problem('no such subscriber')
  const changing = {
    409: problem('an identifier belongs to somebody else'),
    412: problem('it has changed since'),
    413: problem('the body is too long'),
    415: problem('another media type'),
    422: problem('a member is not as expected; `errors` has its JSON pointer'),
    ...refused,
  }
  return {
    get: { summary: 'One subscriber', responses: { 200: tagged('the subscriber'), 404: unknown, ...refused } },
    put: {
      summary: 'Adds or replaces one; keeps the credentials unless it brings others',
      parameters: [ifMatch, header('If-None-Match', '`*`: only if there is none yet.')],
      requestBody: { required: true, ...body(ref('SubscriberSettings')) },
      responses: { 200: tagged('replaced'), 201: tagged('added'), ...changing },
    },
    patch: {
      summary: 'Changes some members (JSON merge patch, RFC 7396)',
      parameters: [ifMatch],
      requestBody: { required: true, ...body(ref('SubscriberPatch'), 'application/merge-patch+json') },
      responses: { 200: tagged('changed'), 404: unknown, ...changing },
    },
    delete: {
      summary: 'Removes one',
      parameters: [ifMatch],
      responses: { 204: answer('removed'), 404: unknown, 412: changing[412], ...refused },
    },
  }
}

function attachment(summary: string): Schema {
  const unknown = problem('attached to no MME of this node')
  return { summary, responses: { 200: answer('where, and by which identifier', ref('Attached')), 404: unknown, ...refused } }
}

function schemas(): Schema {
  const { $schema: _, $id: __, ...whole } = settings
  const { password: ___, credentials: ____, ...open } = settings.properties
  const faults = { type: 'array', items: ref('LineFault') }
  const number = { type: 'integer', minimum: 0 }
  const text = { type: 'string' }
  return {
    SubscriberSettings: { ...whole, additionalProperties: false },
    Subscriber: { ...whole, title: 'Subscriber', description: described, properties: open, additionalProperties: false },
    SubscriberPatch: patchOf(whole),
    Page: object({ subscribers: { type: 'array', items: ref('Subscriber') }, total: number, next: { type: 'string' } }, ['next']),
    Import: object({ lines: number, added: number, changed: number, unchanged: number, faulty: number, faults }),
    Attached: object({
      device: { type: 'string' },
      at: {
        type: 'array',
        description: 'two while he moves from one MME to another',
        items: object({ mme: text, temporary: text, validUntil: { type: 'string', format: 'date-time' } }),
      },
    }),
    LineFault: object({ line: number, pointer: { type: 'string' }, detail: { type: 'string' } }),
    Problem: object(
      {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        errors: { type: 'array', items: object({ pointer: { type: 'string' }, detail: { type: 'string' } }) },
      },
      ['errors'],
    ),
  }
}

/** No member is needed, and null takes one away. */
function patchOf(schema: Schema): Schema {
  const { required: _, properties, title, ...others } = schema
  if (properties === undefined) return { anyOf: [schema, { type: 'null' }] }
  const members = Object.entries(properties as { readonly [name: string]: Schema })
  const named = title === undefined ? {} : { title: `${title}Patch` }
  const patched = { ...others, ...named, properties: Object.fromEntries(members.map(([name, each]) => [name, nullable(each)])) }
  return patched
}
function nullable(schema: Schema): Schema {
  return schema['properties'] === undefined ? patchOf(schema) : { anyOf: [patchOf(schema), { type: 'null' }] }
}

function object(properties: { readonly [name: string]: Schema }, optional: readonly string[] = []): Schema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}
