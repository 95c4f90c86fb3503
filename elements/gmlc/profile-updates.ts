/** Updates of privacy profiles by their targets (SPEC §8.4), as JSON or as a ruleset of common policy. */
import type { Exchange, Host, SipRequest } from '../../signalling/index.ts'
import { faultOf, mediaType, type PrivacyProfile, type PrivacyProfileRule, readBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { readPolicy } from '../shared/location/policy-document.ts'
import type { PrivacyQuestions } from './privacy-questions.ts'
import type { Profiles } from './profiles.ts'

const profileType = mediaType('privacy-profile')
const policyType = 'application/auth-policy+xml'
export const profileTypes = [profileType, policyType]

interface ProfileUpdateParts {
  readonly host: Host
  readonly profiles: Profiles
  readonly questions: PrivacyQuestions
  readonly subscribers: Subscribers
}

export class ProfileUpdates {
  private readonly parts: ProfileUpdateParts

  constructor(parts: ProfileUpdateParts) {
    this.parts = parts
  }
  /** 200: it is in force. */
  async handle(exchange: Exchange): Promise<void> {
    const { host, profiles, questions, subscribers } = this.parts
    const asker = askerOf(exchange, host.domains)
    const record = asker === undefined ? undefined : await subscribers.of(asker)
    if (record === undefined)
      return exchange.reply(403, { warning: 'a profile is its subscriber’s; expected to be one, by your proxy' })
    const read = profileIn(exchange.request)
    if ('fault' in read) return exchange.reply(read.status, { warning: read.fault })
    const { fault, status = 200 } = { status: 200, ...(await profiles.update(record.id, read.rules, read.replaces)) }
    if (fault === undefined) questions.forget(record.id)
    host.count(fault === undefined ? 'profiles_updated' : 'profiles_refused')
    exchange.reply(status, fault === undefined ? {} : { warning: fault })
  }
}

type ReadProfile = Pick<PrivacyProfile, 'rules' | 'replaces'> | { readonly status: number; readonly fault: string }

function profileIn(request: SipRequest): ReadProfile {
  if (request.contentType === profileType) {
    const { fault, value } = readBody(request, 'privacy-profile')
    return fault === undefined ? value : { status: fault.status, fault: fault.warning }
  }
  const rules = readPolicy(request.body)
  if ('fault' in rules) return { status: 400, fault: rules.fault }
  const fault = faultOf('privacy-profile', { rules })
  return fault === undefined ? { rules: rules as PrivacyProfileRule[] } : { status: 400, fault }
}
