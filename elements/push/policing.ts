/** Policy and charging of Pushes (SPEC §6.2): the PCRF is asked about their source, and told of each that got a 2xx. */
import type { Host, StoreWrite } from '../../signalling/index.ts'
import { Charges } from '../shared/clients/charges.ts'
import { Policy, type PolicyRefusal } from '../shared/clients/policy.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import type { PushMessage } from './push-message.ts'
import type { PushSettings } from './settings-type.ts'

type PaidMessage = Pick<PushMessage, 'application' | 'payer'>

/** A refusal by policy as it is answered, and its rule. */
interface RuledPolicy {
  readonly status: 403 | 503
  readonly rule: 'policy' | 'pcrf'
  readonly warning: string
  /** Seconds. */
  readonly retryAfter?: number
}

/** The answer to a source that the PCRF denies, or says nothing about. */
export function ruledPolicy({ cause, status }: PolicyRefusal): RuledPolicy {
  if (status === 503) return { status, rule: 'pcrf', warning: cause, retryAfter: 5 }
  return { status, rule: 'policy', warning: `policy: ${cause}` }
}

export class PushPolicing {
  private readonly policy: Policy | undefined
  private readonly charges: Charges | undefined

  /** Without the setting `pcrf` everybody may send, and nothing is charged. */
  constructor(host: Host, { charge = false, pcrf: named, unanswered: away = 'keep' }: PushSettings) {
    if (named === undefined) return
    const pcrf = serverUri(named, host.domains)
    if (charge) this.charges = new Charges(host, pcrf)
    const standing = { users: () => [], uses: () => false, denied: () => undefined } // each Push asks for itself
    this.policy = new Policy(host, { pcrf, service: 'push', away, ...standing })
  }
  /** Reads which events an earlier process has not got rid of. */
  async load(): Promise<void> {
    await this.charges?.load()
  }
  start(): void {
    this.policy?.start()
  }
  /** Units of quotas that nobody has used go back to the PCRF. */
  handBack(): void {
    this.policy?.handBack()
  }
  stop(): void {
    this.policy?.stop()
    this.charges?.stop()
  }

  /** Whether sources of ours are asked about. */
  get isOn(): boolean {
    return this.policy !== undefined
  }
  /** Takes a unit of its source's quota, unless that is refused. Undefined: nothing is against the message. */
  takeUnit({ payer }: PaidMessage): undefined | PolicyRefusal | Promise<PolicyRefusal | undefined> {
    return payer === undefined ? undefined : this.policy?.takeUnit(payer, false)
  }
  /** The chargeable event, for the write after which it gets its 2xx; none: it is charged to nobody. */
  chargeFor({ application, payer }: PaidMessage): readonly StoreWrite[] {
    if (payer === undefined || this.charges === undefined) return []
    const named = application === '' ? {} : { application }
    return [this.charges.put({ event: 'push', service: 'push', device: payer, ...named })]
  }
}
