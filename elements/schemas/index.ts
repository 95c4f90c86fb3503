/** Bodies of SPEC §2.4: media types, validation and types, all from the JSON Schema files in the folders beside it. */
import { isUtf8 } from 'node:buffer'
import type { ErrorObject } from 'ajv'
import type { Body, SipRequest } from '../../signalling/index.ts'
import { readDevice } from '../shared/identifiers/devices.ts'
import { schemas } from './table.ts'
import type { Bodies } from './types.ts'
import { loadValidators } from './validators.ts'

export type * from './types.ts'

/** The `<name>` of `application/vnd.proxima.<name>+json`. */
export type BodyName = keyof Bodies

/** Bearer of a body: a SipRequest, or the like of another SIP stack. */
export interface BodyCarrier {
  readonly body: Buffer
  /** Media type without parameters, in lower case. */
  readonly contentType: string | undefined
  text(header: string): string | undefined
}

/** A body, or why it cannot be taken: the status to answer and the text of its `Warning`. */
export type Read<Value> =
  | { readonly value: Value; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: BodyFault }

export interface BodyFault {
  readonly status: number
  readonly warning: string
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** A device or user identifier (SPEC §2.1): any text that has a key. */
function isDevice(text: string): boolean {
  return readDevice(text) !== undefined
}

const validators = loadValidators({
  schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [`${name}.json`, schema])),
  wanted: Object.fromEntries(Object.keys(schemas).map((name) => [name, `${name}.json`])),
  options: { strict: true, allErrors: false },
  formats: {
    device: isDevice,
    'date-time': (text) => rfc3339.test(text) && !Number.isNaN(Date.parse(text)),
  },
})

const expected: { readonly [keyword: string]: (error: ErrorObject) => string } = {
  format: (error) => (error.params['format'] === 'device' ? 'must be a URI or an IP address' : 'must be a time of RFC 3339'),
  enum: (error) => `must be one of ${(error.params['allowedValues'] as unknown[]).join(', ')}`,
}

/** The media type of that body. */
export function mediaType(name: BodyName): string {
  return `application/vnd.proxima.${name}+json`
}

/** Whether parsed JSON is that body; undefined: it is. Otherwise the JSON pointer and the expectation there. */
export function faultOf(name: BodyName, value: unknown): string | undefined {
  const validate = validators[name]!
  if (validate(value)) return undefined
  const error = validate.errors![0]!
  const what = expected[error.keyword]?.(error) ?? error.message ?? 'is not as expected'
  return `${error.instancePath === '' ? 'the body' : error.instancePath} ${what}`
}

/** The body of a request. Unknown members are ignored; 415 for another media type, 400 for a body that fails the schema (SPEC §2.4). */
export function readBody<Name extends BodyName>(request: BodyCarrier, name: Name): Read<Bodies[Name]> {
  if (request.body.length === 0) return fail(400, `${mediaType(name)} expected, there is no body`)
  if (request.contentType !== mediaType(name)) return fail(415, `${mediaType(name)} expected`)
  const encoding = request.text('Content-Encoding')
  if (encoding !== undefined && encoding !== 'identity') return fail(415, `Content-Encoding ${encoding} is not supported`)
  if (!isUtf8(request.body)) return fail(400, 'the body is not UTF-8')
  let value: unknown
  try {
    value = JSON.parse(request.body.toString('utf8'))
  } catch (fault) {
    return fail(400, `the body is not JSON: ${fault instanceof Error ? fault.message : 'malformed'}`)
  }
  const fault = faultOf(name, value)
  return fault === undefined ? { value: value as Bodies[Name] } : fail(400, fault)
}

/** As `readBody`, where there need be none: then it is empty. */
export function readOptionalBody<Name extends BodyName>(request: SipRequest, name: Name): Read<Partial<Bodies[Name]>> {
  return hasBody(request) ? readBody(request, name) : { value: {} }
}

function fail(status: number, warning: string): { readonly fault: BodyFault } {
  return { fault: { status, warning } }
}

/** Whether a request brings any body. */
export function hasBody(request: SipRequest): boolean {
  return request.bodyEnd > request.bodyStart
}

/** The body to send. Own bodies are not validated: their type is their proof. */
export function writeBody<Name extends BodyName>(name: Name, value: Bodies[Name]): Body {
  return { type: mediaType(name), content: JSON.stringify(value) }
}
