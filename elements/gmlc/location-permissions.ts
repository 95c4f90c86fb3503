/** Permissions to know where a target is (SPEC §8.2, §8.4): by its rules, and by its own word where they want that. */
import type { Host } from '../../signalling/index.ts'
import { type LocationRequest, type Place, writeBody } from '../schemas/index.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import { isAsking, nextJudgement, type Permission, type PrivacyQuestion, permissionOf } from '../shared/location/privacy-rules.ts'
import type { PrivacyQuestions } from './privacy-questions.ts'
import type { Profiles } from './profiles.ts'

interface LocationPermissionParts {
  readonly host: Host
  readonly messages: PendingMessages
  readonly profiles: Profiles
  readonly questions: PrivacyQuestions
}

/** Beside who asks. */
interface GrantOptions {
  /** Of the target; left out: it is not known yet, and any counts. */
  readonly place?: Place
  /** The target has been asked about this request, and lets it. */
  readonly isAllowed?: boolean | undefined
  /** Milliseconds for which its word is waited for. */
  readonly patience?: number
  /** Type of the request; left out: one that is answered by a place. */
  readonly type?: LocationRequest['type']
}

function isEnough(permission: Permission | undefined, type: LocationRequest['type']): boolean {
  return permission?.precision !== undefined || (type === 'area' && permission?.events === true)
}

export class LocationPermissions {
  private readonly parts: LocationPermissionParts

  constructor(parts: LocationPermissionParts) {
    this.parts = parts
  }
  /** By the rules in force now; undefined: none. */
  of(target: string, question: PrivacyQuestion, place?: Place): Permission | undefined {
    const { host, profiles } = this.parts
    const [longitude, latitude] = (place?.point.coordinates ?? []) as readonly number[]
    const point = longitude === undefined || latitude === undefined ? undefined : { latitude, longitude }
    return permissionOf(profiles.of(target), question, host.clock.date(), point)
  }
  /** By the rules that are about no place. */
  everywhere(target: string, question: PrivacyQuestion): Permission | undefined {
    const { host, profiles } = this.parts
    const rules = profiles.of(target).filter((rule) => rule.in === undefined)
    return permissionOf(rules, question, host.clock.date())
  }
  /** Whether anything may be told: a place, or for a request about an area an event. */
  mayBeTold(target: string, question: PrivacyQuestion, type: LocationRequest['type']): boolean {
    return isEnough(this.of(target, question), type)
  }
  /** The detail that may be told; undefined: nothing may. The target is asked where its rules say so. */
  async granted(
    target: string,
    question: PrivacyQuestion,
    { isAllowed = false, patience, place, type = 'immediate' }: GrantOptions = {},
  ): Promise<Permission | undefined> {
    const permission = this.of(target, question, place)
    if (permission === undefined || !isEnough(permission, type)) return undefined
    const { mode, precision } = permission
    if (!isAsking(mode) || isAllowed) return permission
    const metres = typeof precision === 'number' ? { precision } : {}
    const isLet = await this.parts.questions.isAllowed(target, question, { mode, ...metres, ...(patience && { patience }) })
    return isLet ? permission : undefined
  }
  /** The next time at which that may be another by itself, in milliseconds since the epoch; undefined: never. */
  nextEdge(target: string, question: PrivacyQuestion): number | undefined {
    const { host, profiles } = this.parts
    return nextJudgement(profiles.of(target), question, host.clock.date())
  }
  /** Tells the target who was told, where the rule by which he was says so. */
  notice(target: string, question: PrivacyQuestion, place: Place): void {
    if (this.of(target, question, place)?.mode !== 'notify') return
    const { host, messages } = this.parts
    const { client, requestor, service } = question
    const at = new Date(host.clock.date()).toISOString()
    const body = writeBody('privacy-notice', { requestor, client, ...(service === undefined ? {} : { service }), at })
    messages.send({ to: target, asserted: host.uri, body }).catch((fault: unknown) => {
      host.log.warn({ target, fault: String(fault) }, 'a target is not told who asked')
    })
  }
}
