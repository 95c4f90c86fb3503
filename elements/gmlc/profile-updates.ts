/**
 * Privacy profiles as their targets change and read them (SPEC §8.4), themselves or by an element that speaks for them. A new
 * one comes as JSON, or as a ruleset of common policy.
 */
import type { EventPackage, Exchange, Host, SipRequest } from '../../signalling/index.ts'
import {
  faultOf,
  mediaType,
  type PrivacyProfile,
  type PrivacyProfileRule,
  type PrivacyProfiles,
  readBody,
  writeBody,
} from '../schemas/index.ts'
import { readPolicy } from '../shared/location/policy-document.ts'
import type { Profiles } from './profiles.ts'
import type { TargetOwners } from './target-owners.ts'

const profileType = mediaType('privacy-profile')
const policyType = 'application/auth-policy+xml'
export const profileTypes = [profileType, policyType]
export const profileEvent = 'privacy-profile'

export const profilePackage: EventPackage<PrivacyProfiles> = {
  name: profileEvent,
  types: [mediaType('privacy-profiles')],
  expires: { usual: 0, max: 0 },
  render: (state) => writeBody('privacy-profiles', state),
}

const notYours = { warning: 'a profile is its subscriber’s; expected to be one, by your proxy' }

interface ProfileUpdateParts {
  readonly host: Host
  readonly profiles: Profiles
  /** The profile of a target is another. Resolves once nothing that it forbids leaves any more. */
  readonly changed: (target: string) => Promise<void>
  readonly owners: TargetOwners
}

export class ProfileUpdates {
  private readonly parts: ProfileUpdateParts

  constructor(parts: ProfileUpdateParts) {
    this.parts = parts
  }
  /** 200: it is in force, and nothing that it forbids leaves from then on. */
  async handle(exchange: Exchange): Promise<void> {
    const { changed, host, profiles } = this.parts
    const read = profileIn(exchange.request)
    if ('fault' in read) return exchange.reply(read.status, { warning: read.fault })
    const record = await this.parts.owners.ownerFor(exchange, read.target)
    if (record === undefined) return exchange.reply(403, notYours)
    const { fault, status = 200 } = { status: 200, ...(await profiles.update(record.id, read.rules, read.replaces)) }
    if (fault === undefined) await changed(record.id)
    host.count(fault === undefined ? 'profiles_updated' : 'profiles_refused')
    exchange.reply(status, fault === undefined ? {} : { warning: fault })
  }
  /** SUBSCRIBE: the profile in force, once. */
  async tell(exchange: Exchange): Promise<void> {
    const { profiles } = this.parts
    const { expires, uri } = exchange.request
    if (expires !== 0) return exchange.reply(400, { warning: 'a profile is told once; expected Expires: 0' })
    const record = await this.parts.owners.ownerFor(exchange, uri.text)
    if (record === undefined) return exchange.reply(403, notYours)
    const state: PrivacyProfiles = {
      version: profiles.lastVersion,
      profiles: [{ target: record.id, ...profiles.told(record.id) }],
    }
    exchange.accept<PrivacyProfiles>({ package: profileEvent, resource: record.id, state })
  }
}

type ReadProfile = Pick<PrivacyProfile, 'rules' | 'replaces' | 'target'> | { readonly status: number; readonly fault: string }

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
