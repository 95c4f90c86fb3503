/**
 * Messages between UEs and the proximity server (SPEC §3.6; FIG 14–18). Toward the server, devices have their fixed
 * identifiers. Toward the UE, its own identifier is the temporary one that it knows.
 */
import {
  type Exchange,
  elementOfRoute,
  type ForwardOptions,
  type Host,
  type SipRequest,
  type Timer,
} from '../../signalling/index.ts'
import { mediaType, type ProseRequest, readBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import type { Contexts, UeContext } from './contexts.ts'
import { mayNameTemporary, namesTemporary, withFixed } from './temporary.ts'

/** Event packages and media types that pass. */
export const passingEvents: readonly string[] = ['prose', 'proximity']
const codeRequest = mediaType('registration-code-request')
export const passingTypes: readonly string[] = [mediaType('prose-match'), codeRequest]
/** Media type of the proximity server's answer to a UE, a MESSAGE of its own (SPEC §4). */
export const answerType = mediaType('registration-code')
const relayedTypes: readonly (string | undefined)[] = [
  answerType,
  mediaType('prose-state'),
  mediaType('proximity-list'),
  mediaType('proximity-pair'),
  mediaType('proximity-diff'),
]

const answerWithin = 60_000 // milliseconds
const askedAtMost = 10_000 // beyond that the oldest question gives way

/** Nothing is revealed but to the UE itself: a warning only where it is about the UE. */
class RelayRefusal {
  readonly status: number
  readonly warning: string | undefined
  constructor(status: number, warning?: string) {
    this.status = status
    this.warning = warning
  }
}

interface RelayingOptions {
  readonly host: Host
  readonly contexts: Contexts
  readonly subscribers: Subscribers
  /** The HSS is asked here. */
  readonly checks: boolean
  /** URI of the proximity server, for requests addressed to the MME itself. */
  readonly prose: string
}

export class Relaying {
  private readonly options: RelayingOptions
  /** Askers whose question by a MESSAGE has passed and may be answered, by its Call-ID. */
  private readonly asked = new Map<string, { readonly device: string; readonly timer: Timer }>()

  constructor(options: RelayingOptions) {
    this.options = options
    options.host.gauge('answers_awaited', () => this.asked.size)
  }

  /** From a UE to the proximity server. */
  async forth(exchange: Exchange): Promise<void> {
    const { host } = this.options
    const { request } = exchange
    const outcome = await this.judge(exchange)
    if (outcome instanceof RelayRefusal) {
      host.count('requests_refused')
      return exchange.reply(outcome.status, { warning: outcome.warning })
    }
    host.count('requests_passed')
    if (request.contentType === codeRequest) this.awaitAnswer(exchange)
    // an answer that is a request of its own comes this way too
    const isWay = request.toTag === '' && (request.method === 'SUBSCRIBE' || request.contentType === codeRequest)
    const uri = request.uri.user === host.name ? { uri: this.options.prose } : {}
    exchange.forward({ ...uri, ...this.rest(exchange) }, { ...outcome, ...(isWay ? { recordRoute: this.stay } : {}) })
  }

  /** From the proximity server to a UE. */
  back(exchange: Exchange): void {
    const { request, flow } = exchange
    if (!flow.trusted) return exchange.reply(403)
    if (request.toTag === '' || (exchange.ownRoutes.length === 0 && exchange.routes.length === 0)) return exchange.reply(481)
    const body = relayedTypes.includes(request.contentType) ? this.named(request) : undefined
    // in NOTIFYs too, for UEs that take the way of a dialog from the first of them (RFC 6665 §4.3)
    exchange.forward(this.rest(exchange), { recordRoute: this.stay, ...(body === undefined ? {} : { body }) })
  }

  /** The answer to a registration-code-request (SPEC §4 step 1). */
  answer(exchange: Exchange): void {
    const { request, flow } = exchange
    const callId = request.text('In-Reply-To')?.trim() ?? ''
    const device = flow.trusted ? this.asked.get(callId)?.device : undefined
    if (device === undefined || deviceKey(request.to.uri, this.options.host.domains) !== device)
      return exchange.reply(481, { warning: 'nobody awaits this answer; expected In-Reply-To of a question under way' })
    this.forget(callId)
    const body = this.named(request)
    exchange.forward(this.rest(exchange), body === undefined ? {} : { body })
  }

  private awaitAnswer(exchange: Exchange): void {
    const { callId } = exchange.request
    const device = this.contextOf(exchange)?.device
    if (device === undefined) return
    this.forget(callId)
    const timer = this.options.host.clock.after(answerWithin, () => this.asked.delete(callId))
    this.asked.set(callId, { device, timer })
    if (this.asked.size > askedAtMost) this.forget(this.asked.keys().next().value!)
  }
  private forget(callId: string): void {
    this.asked.get(callId)?.timer.cancel()
    this.asked.delete(callId)
  }
  private contextOf({ asserted }: Exchange): UeContext | undefined {
    const { contexts, host } = this.options
    return asserted && (contexts.holder(asserted.uri.text) ?? contexts.of(deviceKey(asserted.uri, host.domains) ?? ''))
  }

  private get stay(): readonly string[] {
    return [`<${this.options.host.uri};lr>`]
  }
  /** Routes of our own node that are behind this element's. */
  private rest({ ownRoutes }: Exchange): { readonly route?: readonly string[] } {
    const { name } = this.options.host
    const at = ownRoutes.findIndex(({ uri }) => elementOfRoute(uri.user) !== name)
    return at < 0 ? {} : { route: ownRoutes.slice(at).map(({ uri }) => `<${uri.text}>`) }
  }

  /** The edit of the copy, or the refusal. */
  private async judge(exchange: Exchange): Promise<ForwardOptions | RelayRefusal> {
    const { host } = this.options
    const { request } = exchange
    const asker = askerOf(exchange, host.domains)
    const context = this.contextOf(exchange)
    if (!passes(request) || asker === undefined) return new RelayRefusal(403)
    const leaves = request.toTag !== '' && request.expires === 0
    if (context === undefined) return leaves ? this.leaving(request) : new RelayRefusal(403, 'attach first')
    if (!context.stored.prose && !leaves) return new RelayRefusal(403, 'no ProSe capability')
    // nobody else's and no dead one either; in a header field one would go on to the server
    if (namesTemporary(headOf(request))) return new RelayRefusal(403)
    const body = this.fixedBody(request, context)
    if (body instanceof RelayRefusal) return leaves ? this.leaving(request) : body
    const asserted = asker === context.device ? {} : { asserted: context.device }
    const changes = body === undefined ? asserted : { ...asserted, body }
    if (leaves) return changes
    const refusal = asksForNeither(request) ? new RelayRefusal(403, 'neither role is asked for') : undefined
    const checked = refusal ?? (exchange.planned === undefined ? new RelayRefusal(403) : await this.check(request, context))
    return checked instanceof RelayRefusal ? checked : { ...changes, ...checked }
  }
  /** A UE that ends a subscription need not be attached any more; the body of that SUBSCRIBE counts for nothing. */
  private leaving(request: SipRequest): ForwardOptions | RelayRefusal {
    return namesTemporary(headOf(request)) ? new RelayRefusal(403) : { body: { type: '', content: '' } }
  }

  private fixedBody(request: SipRequest, context: UeContext): { type: string; content: string } | RelayRefusal | undefined {
    if (!mayNameTemporary(request.body)) return undefined
    const fixed = (temporary: string): string | undefined =>
      this.options.contexts.holder(temporary) === context ? context.device : undefined
    try {
      const content = withFixed(request.body.toString('utf8'), fixed)
      return content === undefined ? new RelayRefusal(403) : { type: request.contentType ?? 'application/json', content }
    } catch (fault) {
      return new RelayRefusal(400, `the body is not JSON: ${fault instanceof Error ? fault.message : 'malformed'}`)
    }
  }

  /** Permissions, where they are for the MME to ask for (FIG 15); an automated registration needs some subscription (SPEC §4). */
  private async check(request: SipRequest, context: UeContext): Promise<ForwardOptions | RelayRefusal> {
    const { checks, subscribers } = this.options
    const registers = request.contentType === codeRequest
    if (request.toTag !== '' || !(registers || (checks && request.method === 'SUBSCRIBE'))) return {}
    const permitted = permittedRoles(await subscribers.of(context.device))
    const wanted = registers ? ['discoverable', 'discoverer'] : wantedRoles(request)
    if (!wanted.some((role) => permitted.includes(role))) return new RelayRefusal(403, 'no permission for that')
    return registers ? {} : { headers: [['P-Prose-Checked', permitted.join(', ')]] }
  }

  /** The body with the temporary identifier of the UE that gets it, where it is about that UE; peers stay who they are. */
  private named(request: SipRequest): { type: string; content: string } | undefined {
    const { contexts, host } = this.options
    const context = contexts.of(deviceKey(request.to.uri, host.domains) ?? '')
    if (context === undefined || request.body.length === 0) return undefined
    try {
      const body = JSON.parse(request.body.toString('utf8')) as { readonly device?: unknown }
      if (typeof body.device !== 'string' || deviceKey(body.device, host.domains) !== context.device) return undefined
      return { type: request.contentType!, content: JSON.stringify({ ...body, device: context.stored.temporary }) }
    } catch (fault) {
      host.log.warn({ fault: String(fault) }, 'what the proximity server tells has no JSON')
      return undefined
    }
  }
}

function passes(request: SipRequest): boolean {
  if (request.method === 'SUBSCRIBE') return passingEvents.includes(request.event?.value ?? '')
  return request.method === 'MESSAGE' && request.toTag === '' && passingTypes.includes(request.contentType ?? '')
}

function headOf({ bytes, headEnd }: SipRequest): string {
  return bytes.toString('latin1', 0, headEnd)
}

/** `roles: []`; the proximity server's schema has no such request. */
function asksForNeither(request: SipRequest): boolean {
  if (request.event?.value !== 'prose' || request.body.length === 0) return false
  try {
    const { roles } = JSON.parse(request.body.toString('utf8')) as { readonly roles?: unknown }
    return Array.isArray(roles) && roles.length === 0
  } catch {
    return false // the server says what is wrong with it
  }
}

function wantedRoles(request: SipRequest): readonly string[] {
  if (request.event?.value === 'proximity') return ['discoverer']
  const body = readBody(request, 'prose-request')
  const roles: ProseRequest['roles'] = body.value?.roles
  return roles ?? ['discoverable', 'discoverer']
}

function permittedRoles(record: SubscriberRecord | undefined): readonly string[] {
  const { discoverable = false, discoverer = false } = record?.permissions ?? {}
  return [...(discoverable ? ['discoverable'] : []), ...(discoverer ? ['discoverer'] : [])]
}
