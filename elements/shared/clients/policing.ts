/**
 * Policy and charging of one service at its element (SPEC §3.1, §3.4, §6.2). The PCRF says whether a device may have the
 * service, and grants the units that its feedback takes. Chargeable events go to it. Without the settings `pcrf` and
 * `charge` there is none of it.
 */
import type { Exchange, Host, Notifier, StoreWrite } from '../../../signalling/index.ts'
import { serverUri } from '../identifiers/devices.ts'
import { type RoleBits, rolesFrom } from '../permissions/device-permissions.ts'
import { Charges } from './charges.ts'
import { Policy, type PolicyRefusal, type PolicyService } from './policy.ts'

/** Undefined: nothing is against it. */
type Verdict = undefined | PolicyRefusal | Promise<PolicyRefusal | undefined>

interface PolicingSettings {
  /** Its URI; left out: there is no policy and no charging. */
  readonly pcrf?: string
  /** Default false. */
  readonly charge?: boolean
  /** Whether a request takes a unit, or each feedback. Default `request`. */
  readonly confirm?: 'request' | 'feedback'
  /** Policy while the PCRF does not answer. `keep`: allowed uses go on, new requests get 503. Default `keep`. */
  readonly unanswered?: 'keep' | 'allow'
}

/** The element's own state, as far as policy and charging ask for it. */
export interface ServiceUse {
  readonly service: PolicyService
  /** Devices that have the service now. */
  users(): Iterable<string>
  uses(device: string): boolean
  /** Application of a standing question, if one is named. */
  applicationOf(notifier: Notifier): string | undefined
  /** Makes a chargeable event durable. */
  write(event: StoreWrite): Promise<void>
  /** Ends the device's use of the service in other roles than these. */
  narrowed(device: string, roles: RoleBits): void
}

export class Policing {
  readonly charges: Charges | undefined
  private readonly host: Host
  private readonly confirm: 'request' | 'feedback'
  private readonly policy: Policy | undefined
  private readonly use: ServiceUse

  constructor(host: Host, settings: PolicingSettings, use: ServiceUse) {
    const { pcrf: named, charge = false, confirm = 'request', unanswered: away = 'keep' } = settings
    const { service } = use
    this.host = host
    this.use = use
    this.confirm = confirm
    const pcrf = named === undefined ? undefined : serverUri(named, host.domains)
    this.charges = pcrf !== undefined && charge ? new Charges(host, pcrf) : undefined
    if (pcrf === undefined) return
    this.policy = new Policy(host, {
      pcrf,
      service,
      away,
      users: () => use.users(),
      uses: (device) => use.uses(device),
      denied: (device, cause) => {
        host.log.info({ device, cause }, `the PCRF allows ${service} no longer`)
        use.narrowed(device, 0)
      },
      narrowed: (device, roles) => use.narrowed(device, rolesFrom(roles)),
    })
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

  /** A proximity service request, which takes a unit unless each feedback does (FIG 8). */
  request(device: string): Verdict {
    return this.confirm === 'feedback' ? this.policy?.refusal(device) : this.policy?.takeUnit(device, false)
  }

  /** Roles that the PCRF allows a device that it does not refuse. */
  rolesOf(device: string): RoleBits {
    return rolesFrom(this.policy?.rolesOf(device))
  }

  /** A standing question who is near: each answer will ask for itself. */
  question(device: string): Verdict {
    return this.policy?.refusal(device)
  }

  /** One question and one answer, which is as good as a feedback. */
  async fetch(device: string, application: string | undefined): Promise<PolicyRefusal | undefined> {
    const refusal = await (this.confirm === 'feedback' ? this.policy?.takeUnit(device, false) : this.policy?.refusal(device))
    if (refusal === undefined) await this.charge(device, application)
    return refusal
  }

  /** Before a feedback (SPEC §3.4): takes a unit and charges it, durably. False: there was none, and the subscription has ended. */
  async admit(notifier: Notifier): Promise<boolean> {
    const device = notifier.resource
    const refusal = this.confirm === 'feedback' ? await this.policy?.takeUnit(device, true) : undefined
    if (refusal === undefined) {
      await this.charge(device, this.use.applicationOf(notifier))
      return true
    }
    this.host.count('feedback_refused')
    this.host.log.info({ device, cause: refusal.cause }, 'no unit is left for a feedback')
    notifier.terminate('rejected')
    return false
  }

  /** A device has the service from now on, maybe by a restart: an allowed use may not be any more. */
  recheck(device: string): void {
    this.policy?.recheck(device)
  }

  private async charge(device: string, application: string | undefined): Promise<void> {
    if (this.charges === undefined) return
    await this.use.write(this.charges.put({ event: 'feedback', service: this.use.service, device, application }))
  }
}

/** Whether each feedback has to be let go by `admit`. */
export function admitted({ charge, confirm }: PolicingSettings): boolean {
  return charge === true || confirm === 'feedback'
}

/** Answers an asker that the PCRF refuses; those entitled to know are told why (SPEC §2.6). */
export function refuse(exchange: Exchange, { status, cause }: PolicyRefusal): void {
  if (status === 503) exchange.reply(503, { headers: [['Retry-After', '5']], warning: cause })
  else exchange.reply(403, { headers: [['Reason', `SIP;cause=403;text="policy"`]], warning: cause })
}
