/** The place of a UE, by `--locate`, and the lines about it. */
import type { LocationCause, LocationResult, MoLrResult, Place } from '../../../elements/schemas/index.ts'
import { describedPlace } from '../../../elements/shared/location/described-place.ts'
import { MoLrClient, type UserAgent } from '../../../elements/ue/index.ts'
import type { Clock } from '../../../signalling/index.ts'
import { CommandRefusal } from '../support/refusal.ts'

/** Outcome of a request for a place. */
export interface LocatedOutcome {
  readonly place?: Place
  /** Client and service that were asked for. */
  readonly asked: string
  readonly client?: MoLrResult['client']
  readonly result?: LocationResult
  /** Why there is no place. */
  readonly why?: string
}

interface LocatedService {
  readonly client?: string
  readonly service?: string
}

interface CoreOptions {
  /** URI of the core network; left out: by its usual name. */
  readonly core?: string
  readonly circuitSwitched?: boolean
}

/** Its client at the core network that the options name. */
export function moLrClient(agent: UserAgent, clock: Clock, options: CoreOptions, domain: string): MoLrClient {
  const { circuitSwitched: isCircuitSwitched = false, core } = options
  return new MoLrClient({ agent, clock, core, domain, isCircuitSwitched })
}

/** The value of `--locate`: nothing, a client, or client/service. Throws a `CommandRefusal` where it is another. */
export function readService(value: string | true): LocatedService {
  if (value === true) return {}
  const [client = '', service, ...others] = value.split('/')
  const names = [client, ...(service === undefined ? [] : [service])]
  if (others.length > 0 || names.some((name) => !/^[\w.-]{1,64}$/.test(name)))
    throw new CommandRefusal(`--locate is ${value}; expected nothing, or client/service such as maps/map`)
  return service === undefined ? { client } : { client, service }
}

/** Asks for it. Never rejects. */
export async function locate(client: MoLrClient, named: LocatedService): Promise<LocatedOutcome> {
  const asked = [named.client, named.service].filter((name) => name !== undefined).join('/')
  const { refused, result } = await client.ask(named)
  if (result === undefined) return { asked, why: `${refused.status} ${refused.warning ?? ''}`.trim() }
  const { cause, client: outcome, place, result: made } = result
  return {
    asked,
    ...(place === undefined ? {} : { place }),
    ...(outcome === undefined ? {} : { client: outcome }),
    ...(made === undefined ? {} : { result: made }),
    ...(cause === undefined ? {} : { why: cause }),
  }
}

/** The outcome is what was asked for. */
export function isLocated({ client, place }: LocatedOutcome): boolean {
  return place !== undefined && client?.handled !== false
}

/** The outcome for people, a line each. */
export function locatedWords({ asked, client, place, result, why }: LocatedOutcome): readonly string[] {
  if (place === undefined) return [`no place: ${why}${wayOut(why)}`]
  const lines = [`at ${describedPlace(place)}`]
  if (client === undefined) return lines
  if (!client.handled)
    return [
      ...lines,
      `${asked} ${client.passed ? 'has it, and made nothing of it' : 'has not got it'}: ${client.cause}${wayOut(client.cause)}`,
    ]
  return [...lines, `${asked}: ${result?.text ?? result?.url ?? 'done'}`]
}

const waysOut: { readonly [cause in LocationCause]?: string } = {
  'position-failed': 'the base station does not know where it is: see its places',
  'position-timeout': 'it took too long: ask again',
  'client-unknown': 'there is no such client: see lcs-client in the dialplan',
  'service-missing': 'it has several: name one as client/service',
  'service-not-offered': 'it has no such service',
  'service-not-subscribed': 'see its subscribers, or moLr of the subscriber',
  'balance-too-low': 'see balance of its subscribers',
}

/** The way out of a cause, or of a status; empty: it says all. */
function wayOut(cause: string | undefined): string {
  const text =
    waysOut[cause as LocationCause] ?? (/^(?:404|480)\b/.test(cause ?? '') ? 'no core network is there: see --core' : '')
  return text === '' ? '' : ` (${text})`
}
