/**
 * Policy and charging at the proximity server (SPEC §3.1, §3.4, §6.2). The PCRF says whether a device may have the
 * service, and grants the units that its feedback takes. Chargeable events go to it. Without the settings `pcrf` and
 * `charge` there is none of it.
 */
import type { Exchange, Host, Notifier } from '../../signalling/index.ts'
import { Charges } from '../shared/clients/charges.ts'
import { Policy, type PolicyRefusal } from '../shared/clients/policy.ts'
import { type RoleBits, rolesFrom } from './permissions.ts'
import type { ProseSettings } from './settings.ts'
import type { Registry } from './state/registry.ts'

const service = 'proximity'

/** Undefined: nothing is against it. */
type PolicingVerdict = undefined | PolicyRefusal | Promise<PolicyRefusal | undefined>

export class Policing {
  readonly charges: Charges | undefined
  private readonly host: Host
  private readonly confirm: 'request' | 'feedback'
  private readonly policy: Policy | undefined
  private registry!: Registry

  /** @param narrowed ends what the device has of the service in other roles than these */
  constructor(host: Host, settings: ProseSettings, narrowed: (device: string, roles: RoleBits) => void) {
    const { pcrf, charge = false, confirm = 'request', unanswered: away = 'keep' } = settings
    this.host = host
    this.confirm = confirm
    this.charges = pcrf !== undefined && charge ? new Charges(host, pcrf) : undefined
    if (pcrf === undefined) return
    this.policy = new Policy(host, {
      pcrf,
      service,
      away,
      users: () => this.users(),
      uses: (device) => this.uses(device),
      denied: (device, cause) => {
        host.log.info({ device, cause }, 'the PCRF allows proximity no longer')
        narrowed(device, 0)
      },
      narrowed: (device, roles) => narrowed(device, rolesFrom(roles)),
    })
  }

  /** Reads which events an earlier process has not got rid of. */
  async load(registry: Registry): Promise<void> {
    this.registry = registry
    await this.charges?.load()
  }

  start(): void {
    this.policy?.start()
  }

  stop(): void {
    this.policy?.stop()
    this.charges?.stop()
  }

  /** A proximity service request, which takes a unit unless each feedback does (FIG 8). */
  request(device: string): PolicingVerdict {
    return this.confirm === 'feedback' ? this.policy?.refusal(device) : this.policy?.take(device, false)
  }

  /** Roles that the PCRF allows a device that it does not refuse. */
  rolesOf(device: string): RoleBits {
    return rolesFrom(this.policy?.rolesOf(device))
  }

  /** A standing question who is near: each answer will ask for itself. */
  question(device: string): PolicingVerdict {
    return this.policy?.refusal(device)
  }

  /** One question and one answer, which is as good as a feedback. */
  async fetch(device: string, application: string | undefined): Promise<PolicyRefusal | undefined> {
    const refusal = await (this.confirm === 'feedback' ? this.policy?.take(device, false) : this.policy?.refusal(device))
    if (refusal === undefined) await this.charge(device, application)
    return refusal
  }

  /** Before a feedback (SPEC §3.4): takes a unit and charges it, durably. False: there was none, and the subscription has ended. */
  async admit(notifier: Notifier): Promise<boolean> {
    const device = notifier.resource
    const refusal = this.confirm === 'feedback' ? await this.policy?.take(device, true) : undefined
    if (refusal === undefined) {
      await this.charge(device, this.registry.watchers.find(notifier.id)?.application)
      return true
    }
    this.host.count('feedback_refused')
    this.host.log.info({ device, cause: refusal.cause }, 'no unit is left for a feedback')
    notifier.terminate('rejected')
    return false
  }

  /** A device has the service from now on, maybe by a restart: what was allowed before may not be now. */
  recheck(device: string): void {
    this.policy?.recheck(device)
  }

  private async charge(device: string, application: string | undefined): Promise<void> {
    if (this.charges === undefined) return
    await this.registry.ledger.write([this.charges.put({ event: 'feedback', service, device, application })])
  }

  private uses(device: string): boolean {
    const { devices, watchers } = this.registry
    return (devices.find(device)?.subscriptions.length ?? 0) > 0 || watchers.of(device).size > 0
  }

  private *users(): Iterable<string> {
    const { devices, watchers } = this.registry
    yield* devices.keys()
    yield* watchers.devices()
  }
}

/** Whether each feedback has to be let go by `admit`. */
export function admitted({ charge, confirm }: ProseSettings): boolean {
  return charge === true || confirm === 'feedback'
}

/** Answers whom the PCRF refuses; those entitled to know are told why (SPEC §2.6). */
export function refuse(exchange: Exchange, { status, cause }: PolicyRefusal): void {
  if (status === 503) exchange.reply(503, { headers: [['Retry-After', '5']], warning: cause })
  else exchange.reply(403, { headers: [['Reason', `SIP;cause=403;text="policy"`]], warning: cause })
}
