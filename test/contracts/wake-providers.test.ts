import { createHmac, createPublicKey, verify } from 'node:crypto'
import test from 'ava'
import { keptVapidKeys, webPushWaking } from '../../elements/push/waking/web-push.ts'
import { webhookWaking } from '../../elements/push/waking/webhook.ts'
import { memoryStore } from '../../signalling/storage/memory.ts'
import { ManualClock, seededIds } from '../../signalling/testing.ts'
import type { AskedRequest } from '../support/push-service.ts'
import { wakeProviderContract } from './wake-provider.ts'

const store = memoryStore(new ManualClock())
const keys = await keptVapidKeys({ name: 'push', ids: seededIds(5), store })
const secret = 'a-secret-of-a-webhook'

wakeProviderContract(test, 'webpush', {
  open: (url) => ({
    provider: webPushWaking({ keys, subject: 'mailto:postmaster@example.org' }),
    target: { provider: 'webpush', prid: `${url}/w/eyJ-of-a-device` },
  }),
  faultOf: ({ body, headers, path }, { prid }, urgency) => {
    const [, token = '', key] = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), k=([\w-]+)$/.exec(headers.authorization ?? '') ?? []
    const [head = '', claims = '', signature = ''] = token.split('.')
    const said = JSON.parse(Buffer.from(claims || 'e30', 'base64url').toString()) as { aud?: string; sub?: string; exp?: number }
    if (path !== new URL(prid).pathname || body !== '') return 'another path, or a payload'
    if (headers['urgency'] !== urgency || headers['ttl'] !== '60') return 'another urgency or lifetime'
    if (key !== keys.public || !isSigned(`${head}.${claims}`, signature)) return 'not signed by the key that it names'
    if (said.aud !== new URL(prid).origin || said.sub !== 'mailto:postmaster@example.org') return 'for another audience'
    return typeof said.exp === 'number' ? undefined : 'it never expires'
  },
  strange: ['', 'device-token', 'ftp://push.example/w/x', '/w/x', 'https://', 'javascript:alert(1)'],
})

/** By the public point in the key: ES256 (RFC 7518 §3.4). */
function isSigned(text: string, signature: string): boolean {
  const point = Buffer.from(keys.public, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url')) as [string, string]
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
  return verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
}

wakeProviderContract(test, 'webhook', {
  open: (url) => ({
    provider: webhookWaking({ name: 'hook', url: `${url}/wake`, secret }),
    target: { provider: 'hook', prid: 'token of a device', param: 'team' },
  }),
  faultOf: ({ body, headers, path }: AskedRequest, { param, prid }, urgency) => {
    const [id, time] = [headers['webhook-id'], headers['webhook-timestamp']]
    const signature = createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64')
    if (path !== '/wake' || headers['content-type'] !== 'application/json') return 'another path or type'
    if (headers['webhook-signature'] !== `v1,${signature}`) return 'not signed'
    const expected = JSON.stringify({ prid, param, urgency, ttl: 60 })
    return body === expected ? undefined : `it says ${body}`
  },
  strange: [],
})

test('the key pair of Web Push is kept, and each server has its own', async (t) => {
  t.deepEqual(await keptVapidKeys({ name: 'push', ids: seededIds(6), store }), keys)
  t.notDeepEqual(await keptVapidKeys({ name: 'push2', ids: seededIds(6), store }), keys)
})
