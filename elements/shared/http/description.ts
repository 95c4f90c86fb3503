/** Parts of an OpenAPI 3.1 description, for elements that serve a part of the HTTP interface. */

export type OpenApiSchema = { readonly [keyword: string]: unknown }

/** A schema of the description. */
export function schemaRef(name: string): OpenApiSchema {
  return { $ref: `#/components/schemas/${name}` }
}

export function describedBody(schema: OpenApiSchema, type = 'application/json'): OpenApiSchema {
  return { content: { [type]: { schema } } }
}

export function describedAnswer(description: string, schema?: OpenApiSchema): OpenApiSchema {
  return { description, ...(schema === undefined ? {} : describedBody(schema)) }
}

/** A refusal (RFC 9457). */
export function describedProblem(description: string): OpenApiSchema {
  return { description, ...describedBody(schemaRef('Problem'), 'application/problem+json') }
}

export function queryParameter(name: string, description: string, schema: OpenApiSchema): OpenApiSchema {
  return { name, in: 'query', description, schema }
}

export function headerParameter(name: string, description: string): OpenApiSchema {
  return { name, in: 'header', description, schema: { type: 'string' } }
}

/** An object that has all of these members but the optional ones. */
export function objectOf(
  properties: { readonly [name: string]: OpenApiSchema },
  optional: readonly string[] = [],
): OpenApiSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

/** Refusals of every operation: without a token there is no further. */
export const refusedAccess = {
  401: describedProblem('no token, or a wrong one'),
  403: describedProblem('from another machine, or a page of another site'),
} as const
