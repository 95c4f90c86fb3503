/** Bodies of SPEC §2.4: media types, validation and types, all from the JSON Schema files beside this one. */
import { isUtf8 } from 'node:buffer'
import type { ErrorObject } from 'ajv'
import type { Body, SipRequest } from '../../signalling/index.ts'
import { readDevice } from '../shared/identifiers/devices.ts'
import aluidUpdate from './aluid-update.json' with { type: 'json' }
import aluidUpdateResult from './aluid-update-result.json' with { type: 'json' }
import attachRequest from './attach-request.json' with { type: 'json' }
import attachState from './attach-state.json' with { type: 'json' }
import chargingEvent from './charging-event.json' with { type: 'json' }
import epuidBinding from './epuid-binding.json' with { type: 'json' }
import epuidBindingResult from './epuid-binding-result.json' with { type: 'json' }
import mmeContext from './mme-context.json' with { type: 'json' }
import mmeContextRequest from './mme-context-request.json' with { type: 'json' }
import policyQuery from './policy-query.json' with { type: 'json' }
import proseContext from './prose-context.json' with { type: 'json' }
import proseContextRequest from './prose-context-request.json' with { type: 'json' }
import proseDevice from './prose-device.json' with { type: 'json' }
import proseDeviceQuery from './prose-device-query.json' with { type: 'json' }
import proseMatch from './prose-match.json' with { type: 'json' }
import proseMonitor from './prose-monitor.json' with { type: 'json' }
import proseRegistration from './prose-registration.json' with { type: 'json' }
import proseRegistrationResult from './prose-registration-result.json' with { type: 'json' }
import proseRequest from './prose-request.json' with { type: 'json' }
import proseState from './prose-state.json' with { type: 'json' }
import proximate from './proximate.json' with { type: 'json' }
import proximateUsers from './proximate-users.json' with { type: 'json' }
import proximityDiff from './proximity-diff.json' with { type: 'json' }
import proximityList from './proximity-list.json' with { type: 'json' }
import proximityPair from './proximity-pair.json' with { type: 'json' }
import proximityQuery from './proximity-query.json' with { type: 'json' }
import registrationCode from './registration-code.json' with { type: 'json' }
import registrationCodeRequest from './registration-code-request.json' with { type: 'json' }
import servicePolicy from './service-policy.json' with { type: 'json' }
import subscriber from './subscriber.json' with { type: 'json' }
import subscriberSettings from './subscriber-settings.json' with { type: 'json' }
import subscriptionData from './subscription-data.json' with { type: 'json' }
import subscriptionQuery from './subscription-query.json' with { type: 'json' }
import type { Bodies } from './types.ts'
import userRegistration from './user-registration.json' with { type: 'json' }
import { loadValidators } from './validators.ts'

export type * from './types.ts'

/** The `<name>` of `application/vnd.proxima.<name>+json`. */
export type BodyName = keyof Bodies

/** What brings a body: a SipRequest, or what another SIP stack made of one. */
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

const schemas: { readonly [name in BodyName]: object } = {
  'aluid-update': aluidUpdate,
  'aluid-update-result': aluidUpdateResult,
  'charging-event': chargingEvent,
  'attach-request': attachRequest,
  'attach-state': attachState,
  'epuid-binding': epuidBinding,
  'epuid-binding-result': epuidBindingResult,
  'policy-query': policyQuery,
  'mme-context': mmeContext,
  'mme-context-request': mmeContextRequest,
  'prose-context': proseContext,
  'prose-context-request': proseContextRequest,
  'prose-device': proseDevice,
  'prose-device-query': proseDeviceQuery,
  'prose-registration': proseRegistration,
  'prose-registration-result': proseRegistrationResult,
  'registration-code': registrationCode,
  'registration-code-request': registrationCodeRequest,
  'prose-match': proseMatch,
  'prose-monitor': proseMonitor,
  'prose-request': proseRequest,
  'prose-state': proseState,
  proximate,
  'proximate-users': proximateUsers,
  'proximity-diff': proximityDiff,
  'proximity-list': proximityList,
  'proximity-pair': proximityPair,
  'proximity-query': proximityQuery,
  'service-policy': servicePolicy,
  subscriber,
  'subscriber-settings': subscriberSettings,
  'subscription-data': subscriptionData,
  'subscription-query': subscriptionQuery,
  'user-registration': userRegistration,
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** A device or user identifier (SPEC §2.1): whatever has a key. */
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

/** Whether parsed JSON is that body; undefined: it is. Otherwise the JSON pointer and what was expected there. */
export function faultOf(name: BodyName, value: unknown): string | undefined {
  const validate = validators[name]!
  if (validate(value)) return undefined
  const error = validate.errors![0]!
  const what = expected[error.keyword]?.(error) ?? error.message ?? 'is not as expected'
  return `${error.instancePath === '' ? 'the body' : error.instancePath} ${what}`
}

/** The body of a request. Unknown members are ignored; 415 for another media type, 400 for what fails the schema (SPEC §2.4). */
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
