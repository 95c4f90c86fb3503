/** Waking by a webhook of the dialplan: a POST that is signed as Standard Webhooks have it, with the PRID as token. */
import { createHmac } from 'node:crypto'
import type { WakeProvider } from './provider.ts'

/** Name, URL and secret, as the settings have them. */
interface WebhookSettings {
  readonly name: string
  readonly url: string
  readonly secret: string
}

export function webhookWaking({ name, secret, url }: WebhookSettings): WakeProvider {
  return {
    name,
    capabilities: '',
    requestFor: ({ param, prid }, { id, now, ttl, urgency }) => {
      const body = JSON.stringify({ prid, ...(param === undefined ? {} : { param }), urgency, ttl })
      const time = String(Math.floor(now / 1000))
      const signature = createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64')
      const signed = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${signature}` }
      return { url, isOwn: true, method: 'POST', headers: { 'Content-Type': 'application/json', ...signed }, body }
    },
  }
}
