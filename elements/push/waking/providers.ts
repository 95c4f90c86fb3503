/** Providers of a Push server by their names, and what a REGISTER is told of them (RFC 8599 §5.3.1). */
import type { Address, Host } from '../../../signalling/index.ts'
import { providerAsked } from '../../shared/values/push-notification.ts'
import type { PushSettings } from '../settings-type.ts'
import type { WakeProvider } from './provider.ts'
import { keptVapidKeys, webPushWaking } from './web-push.ts'
import { webhookWaking } from './webhook.ts'

/** Seconds before its end at which a binding is refreshed at the latest, told to devices. */
const refreshMargin = 121

export class WakeProviders {
  private readonly byName: ReadonlyMap<string, WakeProvider>

  private constructor(providers: readonly WakeProvider[]) {
    this.byName = new Map(providers.map((provider) => [provider.name, provider]))
  }
  static async open(
    host: Host,
    { subject, vapid, webhooks = [], webpush = true }: NonNullable<PushSettings['wake']>,
  ): Promise<WakeProviders> {
    const hooks = webhooks.map(webhookWaking)
    if (!webpush) return new WakeProviders(hooks)
    const keys = vapid ?? (await keptVapidKeys(host))
    return new WakeProviders([webPushWaking({ keys, subject: subject ?? `mailto:postmaster@${host.domains[0]}` }), ...hooks])
  }
  get(name: string): WakeProvider | undefined {
    return this.byName.get(name)
  }
  get names(): readonly string[] {
    return [...this.byName.keys()]
  }

  /** Values of Feature-Caps for who asks by `pn-provider`: one a provider, of the named one or, where none is named, of all. */
  capabilities(contacts: readonly Address[]): readonly string[] {
    const asked = contacts.flatMap(({ uri }) => providerAsked(uri) ?? [])
    const meant = [...this.byName.values()].filter(({ name }) => asked.includes(name) || asked.includes(''))
    return meant.map(({ capabilities, name }) => `*;+sip.pns="${name}"${capabilities};+sip.pnsreg="${refreshMargin}"`)
  }
}
