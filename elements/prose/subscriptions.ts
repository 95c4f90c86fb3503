/** Proximity service requests (SPEC §3.1; FIG 1, 2, 8): the event package `prose`. */
import type { Exchange, Json, Notifier, RefreshChange, SipRequest } from '../../signalling/index.ts'
import { readOptionalBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { cachedKeysOf } from '../shared/clients/device-keys.ts'
import { type Policing, refuse } from '../shared/clients/policing.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { notYours, recordFor, stillActsFor } from '../shared/permissions/authorisation.ts'
import { permittedRoles, type RoleBits, rolesFrom } from '../shared/permissions/device-permissions.ts'
import { type Device, needsCode, type ProseSubscription, type ProseView } from './state/devices.ts'
import type { Registry } from './state/registry.ts'

interface ProseRecord {
  readonly [member: string]: Json | undefined
  readonly roles: RoleBits
  readonly application?: string
}

export class ProseSubscriptions {
  private readonly registry: Registry
  private readonly subscribers: Subscribers
  private readonly policing: Policing
  private readonly begun: (notifier: Notifier, changed: boolean) => void

  /**
   * @param begun is told of each subscription that stands, and whether the record of its device has changed on the way
   */
  constructor(
    registry: Registry,
    subscribers: Subscribers,
    policing: Policing,
    begun: (notifier: Notifier, changed: boolean) => void,
  ) {
    this.begun = begun
    this.registry = registry
    this.subscribers = subscribers
    this.policing = policing
  }

  async handle(exchange: Exchange): Promise<void> {
    const { registry, subscribers } = this
    const body = readOptionalBody(exchange.request, 'prose-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { device: named, roles, application } = body.value
    const asker = askerOf(exchange, registry.host.domains)
    const found = asker && (await recordFor(subscribers, asker, named ?? asker, application, exchange))
    const asked = found ? rolesFrom(roles) & found.permitted : 0
    if (!found || asked === 0) {
      registry.host.count('requests_refused')
      // which role is missing is told to the device itself and its application servers
      return exchange.reply(403, { warning: found ? 'your subscription has none of these roles: ask your operator' : notYours })
    }
    const key = found.record.id
    const recordBefore = subscribers.known(key)
    // HSS, then PCRF (SPEC §3.1). The HSS's word may come from the MME, which has asked already (SPEC §3.6); this one never does.
    const { policing } = this
    const refusal = exchange.request.expires === 0 ? policing.question(key) : policing.request(key)
    const refused = refusal instanceof Promise ? await refusal : refusal
    if (refused !== undefined) {
      registry.host.count('requests_refused')
      return refuse(exchange, refused)
    }
    const granted = asked & policing.rolesOf(key)
    if (granted === 0) {
      registry.host.count('requests_refused')
      return refuse(exchange, { status: 403, cause: 'the policy allows another role only now: ask for that one' })
    }
    const state: ProseView = { device: key, roles: granted }
    const record: ProseRecord = { roles: granted, application }
    if (exchange.request.expires === 0) {
      exchange.accept<ProseView>({ package: 'prose', resource: key, state, record }) // a question, not a request
      return
    }
    if (needsCode(registry.devices.find(key), granted)) await registry.rotation.allocateDurably(key)
    const begun = (notifier: Notifier<ProseView>): void => {
      const device = registry.devices.obtain(key)
      device.permitted = found.permitted
      this.addAndRecheck(device, { notifier, roles: granted, application })
      this.begun(notifier, subscribers.known(key) !== recordBefore)
    }
    const notifier = exchange.accept<ProseView>({ package: 'prose', resource: key, state, record, begun })
    if (!notifier.live) this.release(key) // the engine refused it: nothing it can read in Accept
  }
  /** Of a request that was not kept. */
  private release(key: string): void | Promise<void> {
    const device = this.registry.devices.find(key)
    if (device !== undefined) return this.registry.releaseUnused(device)
  }

  /** A refresh, maybe for other roles. */
  refreshed(notifier: Notifier, request: SipRequest): undefined | number | RefreshChange {
    const { registry } = this
    const body = readOptionalBody(request, 'prose-request')
    if (body.fault !== undefined) return body.fault.status
    const { device: named, roles } = body.value
    const device = registry.devices.find(notifier.resource)
    const subscription = device?.subscriptions.find((one) => one.notifier.id === notifier.id)
    if (device === undefined || subscription === undefined || roles === undefined) return undefined
    if (named !== undefined && cachedKeysOf(this.subscribers, registry.host.domains, [named])[0] !== device.key) return 403
    const granted = rolesFrom(roles) & device.permitted & this.policing.rolesOf(device.key)
    if (granted === 0) return 403
    if (granted === subscription.roles) return undefined
    const prepared = needsCode(device, granted) ? registry.rotation.prepare(device.key) : undefined
    const apply = (): void => {
      subscription.roles = granted
      prepared?.give()
      void registry.settleRoles(device)
      notifier.notify({ device: device.key, roles: granted } satisfies ProseView)
    }
    return { record: { ...(notifier.record as ProseRecord), roles: granted }, writes: prepared?.writes, apply }
  }

  ended(notifier: Notifier): void | Promise<void> {
    const device = this.registry.devices.find(notifier.resource)
    const at = device?.subscriptions.findIndex((one) => one.notifier.id === notifier.id) ?? -1
    if (device === undefined || at < 0) return this.release(notifier.resource)
    device.subscriptions.splice(at, 1)
    return this.registry.settleRoles(device)
  }

  /** After a restart. The code is in the store, unless it expired meanwhile. */
  async restored(notifier: Notifier): Promise<void> {
    const { registry } = this
    const { roles, application } = notifier.record as ProseRecord
    const device = registry.devices.obtain(notifier.resource)
    device.permitted |= roles
    if (needsCode(device, roles)) await this.renew(device.key)
    this.addAndRecheck(device, { notifier, roles, application })
    notifier.notify({ device: device.key, roles } satisfies ProseView)
  }

  private async renew(device: string): Promise<void> {
    try {
      await this.registry.rotation.allocateDurably(device)
    } catch (fault) {
      this.registry.host.log.error({ fault: String(fault), device }, 'the store failed; a device goes without a code')
    }
  }

  /** The HSS says otherwise: a lost permission ends the subscription (SPEC §3.1). */
  permissionsChanged(id: string, record: SubscriberRecord | undefined): void {
    const { devices, host } = this.registry
    const device = devices.find(id)
    if (device === undefined) return
    device.permitted = permittedRoles(record)
    for (const { notifier, roles, application } of [...device.subscriptions]) {
      if ((roles & ~device.permitted) === 0 && stillActsFor(notifier, record, application, host.domains)) continue
      host.count('permissions_lost')
      notifier.terminate('rejected')
    }
  }

  /** The device is at another server: its code counts here no longer (SPEC §4). */
  moved(id: string): void {
    for (const { notifier } of [...(this.registry.devices.find(id)?.subscriptions ?? [])]) notifier.terminate('noresource')
  }

  /** The PCRF allows these roles and no others: as a lost permission. */
  policyChanged(id: string, allowed: RoleBits): void {
    for (const { notifier, roles } of [...(this.registry.devices.find(id)?.subscriptions ?? [])]) {
      if (roles & ~allowed) notifier.terminate('rejected')
    }
  }

  private addAndRecheck(device: Device, subscription: ProseSubscription): void {
    device.subscriptions.push(subscription)
    this.policing.recheck(device.key) // it may have changed while the request was on its way
    void this.registry.settleRoles(device)
    // another request of the device was refused or ended meanwhile, and took the code with it
    if (needsCode(device, subscription.roles)) void this.renew(device.key).then(() => this.tell(subscription))
  }
  private tell({ notifier, roles }: ProseSubscription): void {
    notifier.notify({ device: notifier.resource, roles })
  }
}
