/** Rules of applications for what they send (SPEC §5.2, §5.4): the application of a message, and whether it may go. */
import { H, type Host, RateLimit, type SipRequest } from '../../signalling/index.ts'
import type { PushApplication } from '../schemas/index.ts'
import { codedBodyOf } from '../shared/values/body-coding.ts'
import { cpimIn } from '../shared/values/cpim.ts'
import { imdnType } from '../shared/values/imdn.ts'
import { isInRange } from '../shared/values/media-type.ts'
import { type Applications, maySend } from './applications.ts'
import type { FollowedApplications } from './followed-applications.ts'
import type { PushMessage } from './push-message.ts'

/** A message that may go: for which application, and in which class. Or its refusal. */
type RuleVerdict = { readonly application: string; readonly class: PushMessage['class'] } | { readonly refusal: RuleRefusal }

interface RuleRefusal {
  readonly status: number
  readonly warning: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Its counter is `refused_<rule>`. */
  readonly rule: 'application' | 'application-revoked' | 'anonymous' | 'media-type' | 'size' | 'rate'
}

interface ApplicationRulesParts {
  readonly host: Host
  readonly applications: Applications
  /** Bytes of a body at most, whatever its application. */
  readonly maxBytes: number
  readonly followed: FollowedApplications
}

interface Limits {
  /** The rule that they are made of. */
  readonly rule: PushApplication
  readonly rate: RateLimit | undefined
  readonly perRecipient: RateLimit | undefined
}

const recipients = 10_000 // remembered for each application

export class ApplicationRules {
  private readonly parts: ApplicationRulesParts
  private readonly limits = new Map<string, Limits>()

  constructor(parts: ApplicationRulesParts) {
    this.parts = parts
  }

  /**
   * @param source asserted; '' where nobody vouches
   * @param recipient one name of the destination
   */
  verdict(request: SipRequest, source: string, recipient: string): RuleVerdict {
    const verdict = this.judged(request, source, recipient)
    if ('refusal' in verdict) this.tell(request, source, verdict.refusal)
    return verdict
  }
  private judged(request: SipRequest, source: string, recipient: string): RuleVerdict {
    const type = innerType(request)
    const named = this.named(request)
    const rule = named === undefined ? this.unnamed(type) : this.known(named)
    const bytes = request.body.length
    if (rule !== undefined) return this.judgedBy(rule, { bytes, recipient, source, type })
    if (named !== undefined) return unknown(`application: ${quoted(named)} is unknown here; expected an approved one`)
    if (this.approved().length > 0 && type !== imdnType)
      return unknown(`application: none is the default for ${quoted(type ?? 'no type')}; expected Push-Application`)
    return bytes > this.parts.maxBytes ? tooLarge(bytes, this.parts.maxBytes) : { application: '', class: 'authenticate' }
  }
  private judgedBy(
    rule: PushApplication,
    { bytes, recipient, source, type }: { bytes: number; recipient: string; source: string; type: string | undefined },
  ): RuleVerdict {
    const { anonymous = false, id, sending, state, types } = rule
    const maxBytes = Math.min(rule.maxBytes ?? this.parts.maxBytes, this.parts.maxBytes)
    if (!maySend(rule)) {
      const name = state === 'revoked' ? 'application-revoked' : 'application'
      return refusal(403, name, `application: ${quoted(id)} is ${state}; expected an approved one`)
    }
    if (source === '' && !anonymous)
      return refusal(403, 'anonymous', `source: nobody vouches for it; ${quoted(id)} takes no such ones`)
    if (types !== undefined && (type === undefined || !types.some((range) => isInRange(type, range)))) {
      const warning = `${quoted(type ?? 'no type')} is not for ${quoted(id)}; expected a type of Accept`
      return refusal(415, 'media-type', warning, [['Accept', types.join(', ')]])
    }
    if (bytes > maxBytes) return tooLarge(bytes, maxBytes)
    return this.overRate(rule, recipient) ?? { application: id, class: sending }
  }

  /** Name of the application by word of the message. */
  private named(request: SipRequest): string | undefined {
    const named = request.text('Push-Application')?.trim() ?? request.uri.parameters.get('app')
    if (named !== undefined) return named
    const services = [...request.list(H['P-Asserted-Service']), ...request.list('P-Preferred-Service')]
    const own = this.approved()
    return own.find((application) => services.some((service) => application.services?.includes(service.trim()) === true))?.id
  }
  private approved(): readonly PushApplication[] {
    return [...this.parts.applications.approved(), ...this.parts.followed.approved()]
  }
  private known(id: string): PushApplication | undefined {
    return this.parts.applications.get(id) ?? this.parts.followed.get(id)
  }
  /** The application whose default that type is: a type goes before a range. */
  private unnamed(type: string | undefined): PushApplication | undefined {
    if (type === undefined) return undefined
    const own = this.approved()
    const exact = own.find((each) => each.default?.includes(type))
    return exact ?? own.find((each) => each.default?.some((range) => isInRange(type, range)))
  }

  private overRate(rule: PushApplication, recipient: string): RuleVerdict | undefined {
    const { perRecipient, rate } = this.limitsOf(rule)
    const over =
      exceeded(rate, rule.rate?.burst, '', 'rate') ??
      exceeded(perRecipient, rule.perRecipient?.burst, recipient, 'rate per recipient')
    if (over !== undefined) return over
    rate?.take('')
    perRecipient?.take(recipient)
    return undefined
  }
  private limitsOf(rule: PushApplication): Limits {
    const known = this.limits.get(rule.id)
    if (known !== undefined && isSameRate(known.rule, rule)) return known
    const { clock } = this.parts.host
    const limits: Limits = {
      rule,
      rate: rule.rate && new RateLimit(clock, rule.rate, 1),
      perRecipient: rule.perRecipient && new RateLimit(clock, rule.perRecipient, recipients),
    }
    this.limits.set(rule.id, limits)
    return limits
  }

  private tell(request: SipRequest, source: string, { rule, status, warning }: RuleRefusal): void {
    const { host } = this.parts
    host.count(`refused_${rule.replace('-', '_')}`)
    host.log.debug({ source, application: this.named(request) ?? '', status, callId: request.callId }, warning)
  }
}

/** Media type of the content, inside CPIM too. */
function innerType(request: SipRequest): string | undefined {
  return cpimIn(codedBodyOf(request))?.type ?? request.contentType
}

function isSameRate(a: PushApplication, b: PushApplication): boolean {
  const text = ({ perRecipient, rate }: PushApplication): string => JSON.stringify([rate, perRecipient])
  return text(a) === text(b)
}

function exceeded(limit: RateLimit | undefined, burst = 0, key: string, what: string): RuleVerdict | undefined {
  const pause = limit?.pauseOf(key) ?? 0
  if (pause <= 0) return undefined
  const reset = Math.ceil(pause / 1000)
  const warning = `${what}: limit ${burst}, used ${burst}, reset in ${reset} s`
  return refusal(503, 'rate', warning, [['Retry-After', String(reset)]])
}

function tooLarge(bytes: number, most: number): RuleVerdict {
  return refusal(413, 'size', `the body has ${bytes} bytes; expected ${most} at most`)
}

function unknown(warning: string): RuleVerdict {
  return refusal(403, 'application', warning)
}

function refusal(status: number, rule: RuleRefusal['rule'], warning: string, headers: RuleRefusal['headers'] = []): RuleVerdict {
  return { refusal: { status, rule, warning, headers } }
}

function quoted(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
