/** Descriptions of the operation of Push servers over HTTP. */
import {
  describedAnswer,
  describedBody,
  describedProblem,
  type OpenApiSchema,
  objectOf,
  refusedAccess,
  schemaRef,
} from '../shared/http/description.ts'

const text: OpenApiSchema = { type: 'string' }
const count: OpenApiSchema = { type: 'integer' }
const time: OpenApiSchema = { type: 'string', format: 'date-time' }
const listOf = (items: OpenApiSchema): OpenApiSchema => ({ type: 'array', items })

export const explaining: OpenApiSchema = {
  summary: 'Why messages for a user went as they did: his identifiers, his devices, and each decision with its rule',
  responses: {
    200: describedAnswer('what each Push server of the node knows', objectOf({ servers: listOf(schemaRef('PushExplanation')) })),
    404: describedProblem('nothing is known of that name'),
    ...refusedAccess,
  },
}

export const auditing: OpenApiSchema = {
  summary: 'Whether every accepted copy is delivered, ended in a known way, or waits',
  responses: {
    200: describedAnswer('the sums of each Push server of the node', objectOf({ servers: listOf(schemaRef('PushAudit')) })),
    ...refusedAccess,
  },
}

export const retrying: OpenApiSchema = {
  summary: 'Tries messages again that were set aside after too many tries, of one user or of all',
  requestBody: { required: false, ...describedBody(objectOf({ user: text }, ['user'])) },
  responses: {
    200: describedAnswer('how many copies are tried again', objectOf({ retried: count })),
    404: describedProblem('no such subscriber'),
    422: describedProblem('a member is not as expected'),
    ...refusedAccess,
  },
}

const decision = objectOf(
  {
    ...{ at: time, rule: text, text, status: count, user: text },
    ...{ identifier: text, source: text, application: text, callId: text },
  },
  ['status', 'identifier', 'source', 'application', 'callId'],
)
const device = objectOf(
  { device: text, state: { enum: ['bound', 'asleep', 'away'] }, expires: time, visited: text, provider: text },
  ['visited', 'provider'],
)
const ended = ['delivered', 'expired', 'refused', 'replaced', 'withdrawn']

/** Schemas that these descriptions refer to. */
export const operationSchemas: { readonly [name: string]: OpenApiSchema } = {
  PushExplanation: objectOf(
    {
      ...{ server: text, flags: text, user: text },
      identifiers: listOf(objectOf({ id: text, flags: text, inForce: { type: 'boolean' }, here: { type: 'boolean' } })),
      ...{ devices: listOf(device), waiting: count, decisions: listOf(decision) },
    },
    ['user'],
  ),
  PushAudit: objectOf({
    ...{ server: text, found: count, accepted: count },
    ended: objectOf(Object.fromEntries(ended.map((way) => [way, count]))),
    ...{ waiting: count, inMemory: count, inStore: count, differences: listOf(text) },
  }),
}
