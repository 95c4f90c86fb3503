/** The description of the HTTP interface (OpenAPI 3.1), made of the word of each route about itself. */
import { describedAnswer, type OpenApiSchema, objectOf, refusedAccess } from '../../elements/shared/http/description.ts'
import type { HttpRoute } from '../../elements/shared/http/route.ts'
import { routesOf } from './options.ts'

/** The whole document: of all elements that there may be, whichever run here. */
export function openapi(): OpenApiSchema {
  const routes = routesOf([])
  const description = { get: { summary: 'This document', responses: { 200: describedAnswer('OpenAPI 3.1'), ...refusedAccess } } }
  return {
    openapi: '3.1.0',
    info: { title: 'Proxima', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(routes.map((route) => [route.isOpen === true ? route.path : `/v1${route.path}`, resourceOf(route)])),
      '/v1/openapi.json': description,
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: Object.assign({ Problem: problem }, ...routes.map(({ schemas = {} }) => schemas)) as OpenApiSchema,
    },
  }
}

function resourceOf({ parameters = {}, operations }: HttpRoute): OpenApiSchema {
  const inPath = Object.entries(parameters).map(([name, description]) => {
    return { name, in: 'path', required: true, description, schema: { type: 'string' } }
  })
  const described = Object.entries(operations).map(([method, { description }]) => [method.toLowerCase(), description])
  return { ...(inPath.length === 0 ? {} : { parameters: inPath }), ...Object.fromEntries(described) }
}

const text = { type: 'string' }
const problem = objectOf(
  {
    type: text,
    title: text,
    status: { type: 'integer' },
    detail: text,
    errors: { type: 'array', items: objectOf({ pointer: text, detail: text }) },
  },
  ['errors'],
)
