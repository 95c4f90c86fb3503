/** Waking by Web Push (RFC 8030, VAPID RFC 8292): the PRID is the subscription's URL, and the push has no payload. */
import { createECDH } from 'node:crypto'
import webPush from 'web-push'
import type { Host, OutboundHttpRequest } from '../../../signalling/index.ts'
import type { WakeTarget } from '../../shared/values/push-notification.ts'
import { webPushProvider } from '../../shared/values/push-servers.ts'
import type { WakeProvider, WakeTerms } from './provider.ts'

/** Both base64url: the public point on P-256, and the private number. */
interface VapidKeys {
  readonly public: string
  readonly private: string
}

/** @param subject whom a push service may write to: `mailto:` or `https:` */
export function webPushWaking({ keys, subject }: { readonly keys: VapidKeys; readonly subject: string }): WakeProvider {
  return {
    name: webPushProvider,
    capabilities: `;+sip.vapid="${keys.public}"`,
    requestFor: ({ prid }, terms) => requestTo(prid, terms, { subject, publicKey: keys.public, privateKey: keys.private }),
  }
}

function requestTo(
  endpoint: WakeTarget['prid'],
  { ttl, urgency }: WakeTerms,
  vapidDetails: { readonly subject: string; readonly publicKey: string; readonly privateKey: string },
): OutboundHttpRequest | undefined {
  if (!/^https?:\/\/[^\s/]/i.test(endpoint) || !URL.canParse(endpoint)) return undefined
  const made = webPush.generateRequestDetails({ endpoint: new URL(endpoint).href } as webPush.PushSubscription, null, {
    ...{ vapidDetails, TTL: ttl, urgency },
  })
  const headers = Object.entries(made.headers).map(([name, value]) => [name, String(value)])
  return { url: made.endpoint, method: made.method, headers: Object.fromEntries(headers) as OutboundHttpRequest['headers'] }
}

/** The key pair of a server that has none in its settings: made now, and durable, if there is none yet. */
export async function keptVapidKeys({ ids, name, store }: Pick<Host, 'ids' | 'name' | 'store'>): Promise<VapidKeys> {
  const key = `push/${name}/vapid`
  const kept = (await store.get(key))?.value as { readonly public?: string; readonly private?: string } | undefined
  if (kept?.public !== undefined && kept.private !== undefined) return { public: kept.public, private: kept.private }
  const pair = createECDH('prime256v1')
  const number = ids.hex(32)
  pair.setPrivateKey(number, 'hex')
  const made = { public: pair.getPublicKey('base64url'), private: Buffer.from(number, 'hex').toString('base64url') }
  await store.write([{ key, value: made }])
  return made
}
