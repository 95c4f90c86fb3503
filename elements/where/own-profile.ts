/** Privacy profiles of senders at the register of their GMLC (SPEC §8.4): read, and changed in their name. */
import type { Host, SipResponse } from '../../signalling/index.ts'
import { type PrivacyProfileRule, readBody, writeBody } from '../schemas/index.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import { targetAt } from '../shared/location/request-address.ts'
import { answerFault, fetchOnce, mayBeAskedAgain } from './fetched.ts'
import { canonicalRules } from './profile-changes.ts'

type Rules = readonly PrivacyProfileRule[]

interface OwnProfileParts {
  readonly host: Host
  readonly messages: PendingMessages
  /** URI of the GMLC. */
  readonly gmlc: string
}

/** Rules with their version, or why there are none. */
type ReadProfile =
  | { readonly version: number; readonly rules: Rules; readonly fault?: undefined }
  | { readonly fault: string; readonly mayRepeat: boolean; readonly rules?: undefined }

/** Milliseconds since the epoch from which a change is in force, or why it is not. */
type ProfileChange = { readonly since: number; readonly fault?: undefined } | { readonly fault: string }

const tries = 6
const firstPause = 1000 // milliseconds, doubled for each try that got no answer

export class OwnProfiles {
  private readonly parts: OwnProfileParts

  constructor(parts: OwnProfileParts) {
    this.parts = parts
  }
  /** Never rejects. @param target canonical */
  async read(target: string): Promise<ReadProfile> {
    const { host } = this.parts
    const accept = ['application/vnd.proxima.privacy-profiles+json']
    const answer = await fetchOnce(host, { to: target, event: 'privacy-profile', accept })
    if (answer.notify === undefined) return { fault: `${answer.status} ${answer.why}`, mayRepeat: mayBeAskedAgain(answer.status) }
    const { fault, value } = readBody(answer.notify, 'privacy-profiles')
    const profile = value?.profiles.find((each) => each.target === target)
    if (profile === undefined) return { fault: fault?.warning ?? 'it tells another one', mayRepeat: false }
    return { version: profile.version, rules: canonicalRules(profile.rules, host.domains) }
  }
  /** Tries until it is in force: read again where somebody else has changed it. Never rejects. */
  async change(target: string, edit: (rules: Rules) => Rules): Promise<ProfileChange> {
    const { clock } = this.parts.host
    let fault = ''
    for (let time = 0, pause = firstPause; time < tries; time++) {
      const read = await this.read(target)
      const response = read.rules === undefined ? undefined : await this.update(target, edit(read.rules), read.version)
      if (response?.status === 200) return { since: clock.date() }
      fault = read.rules === undefined ? read.fault : answerFault(response)
      const mayRepeat = read.rules === undefined ? read.mayRepeat : mayBeAskedAgain(response?.status ?? 503)
      if (response?.status === 412) continue
      if (!mayRepeat) break
      await new Promise<void>((resolve) => clock.after(pause, resolve))
      pause *= 2
    }
    return { fault }
  }
  private async update(target: string, rules: Rules, replaces: number): Promise<SipResponse | undefined> {
    const { gmlc, host, messages } = this.parts
    const body = writeBody('privacy-profile', { target, replaces, rules })
    try {
      return await messages.send({ to: targetAt(gmlc, target), asserted: host.uri, body })
    } catch (fault) {
      host.log.warn({ fault: String(fault) }, 'a privacy profile was not sent')
      return undefined
    }
  }
}
