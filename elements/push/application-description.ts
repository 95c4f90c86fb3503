/** Descriptions of the HTTP interface to applications that send by Push. */
import application from '../schemas/push/push-application.json' with { type: 'json' }
import {
  describedAnswer,
  describedBody,
  describedProblem,
  type OpenApiSchema,
  objectOf,
  refusedAccess,
  schemaRef,
} from '../shared/http/description.ts'

const unknown = describedProblem('no such application')
const { push: _, state: __, ...rule } = application.properties

export const applicationListing: OpenApiSchema = {
  summary: 'Applications that send by Push, in the order of their identifiers',
  responses: {
    200: describedAnswer('all of them', objectOf({ applications: { type: 'array', items: schemaRef('PushApplication') } })),
    ...refusedAccess,
  },
}

export const applicationReading: OpenApiSchema = {
  summary: 'One application',
  responses: { 200: describedAnswer('the application', schemaRef('PushApplication')), 404: unknown, ...refusedAccess },
}

export const applicationStepping: OpenApiSchema = {
  summary: 'Takes an application a step further: request, invite, approve, refuse, consent or revoke; the body changes its rule',
  requestBody: { required: false, ...describedBody(schemaRef('PushApplicationRule')) },
  responses: {
    200: describedAnswer('done; with approve and consent its token, which is told once', schemaRef('GrantedApplication')),
    404: unknown,
    409: describedProblem('not from the state that it is in'),
    413: describedProblem('the body is too long'),
    415: describedProblem('another media type'),
    422: describedProblem('a member is not as expected; `errors` has its JSON pointer'),
    ...refusedAccess,
  },
}

/** Schemas that these descriptions refer to. */
export function applicationSchemas(): { readonly [name: string]: OpenApiSchema } {
  const { $schema: _, $id: __, ...whole } = application
  return {
    PushApplication: whole,
    PushApplicationRule: { type: 'object', description: 'The rule of an application (SPEC §5.4).', properties: rule },
    GrantedApplication: { ...whole, title: 'GrantedApplication', properties: { ...whole.properties, token: { type: 'string' } } },
  }
}
