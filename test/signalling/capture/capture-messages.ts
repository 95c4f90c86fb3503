/** Messages for the tests of captures: a small network's worth of proximity signalling. */
import type { Endpoint, TappedMessage, TransportName } from '../../../signalling/capture/tap.ts'

export const alice: Endpoint = { address: '127.0.0.1', port: 40_001, name: 'alice' }
export const bob: Endpoint = { address: '127.0.0.1', port: 40_002, name: 'bob' }
export const carol: Endpoint = { address: '::1', port: 40_003, name: 'carol' }
export const proxy: Endpoint = { address: '127.0.0.1', port: 5060 }
export const proxySix: Endpoint = { address: '::1', port: 5060, name: 'proxy' }
export const webProxy: Endpoint = { address: '127.0.0.1', port: 8060, name: 'proxy' }
export const inside = (name: string): Endpoint => ({ address: '127.0.0.1', port: 5060, name })

let branch = 0
export interface Sip {
  readonly start: string
  readonly method: string
  readonly number?: number
  readonly headers?: readonly string[]
  readonly body?: string
  readonly over?: TransportName
}
/** A whole message with the fields that every one has. */
export function sip({ start, method, number = 1, headers = [], body = '', over = 'UDP' }: Sip): Buffer {
  branch++
  return Buffer.from(
    [
      start,
      `Via: SIP/2.0/${over === 'MEM' ? 'UDP' : over} 127.0.0.1:40001;branch=z9hG4bK-${branch}`,
      'Max-Forwards: 70',
      'From: <sip:alice@localhost>;tag=a1',
      `To: <sip:prose@localhost>${start.startsWith('SIP/') || start.startsWith('NOTIFY') ? ';tag=b1' : ''}`,
      `Call-ID: call-${Math.floor(branch / 4)}@127.0.0.1`,
      `CSeq: ${number} ${method}`,
      'Contact: <sip:alice@127.0.0.1:40001>',
      ...headers,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}

const json = (name: string): string => `Content-Type: application/vnd.proxima.${name}+json`
const state = JSON.stringify({ version: 1, device: 'sip:alice@localhost', roles: ['discoverable'], note: 'Grüße' })

/** SUBSCRIBE, 200, NOTIFY, 200 over one transport, between a UE and us. */
export function subscription(at: number, over: TransportName, ue: Endpoint, us: Endpoint, filler = 0): TappedMessage[] {
  const body = filler === 0 ? state : JSON.stringify({ version: 1, filler: 'x'.repeat(filler) })
  const message = (ms: number, direction: 'in' | 'out', bytes: Buffer): TappedMessage => {
    const [from, to] = direction === 'in' ? [ue, us] : [us, ue]
    return { at: at + ms, transport: over, from, to, direction, bytes }
  }
  const ask = sip({
    start: 'SUBSCRIBE sip:prose@localhost SIP/2.0',
    method: 'SUBSCRIBE',
    over,
    headers: ['Event: prose', 'Expires: 600'],
  })
  const tell = sip({
    start: 'NOTIFY sip:alice@127.0.0.1:40001 SIP/2.0',
    method: 'NOTIFY',
    over,
    headers: ['Event: prose', 'Subscription-State: active;expires=600', json('prose-state')],
    body,
  })
  return [
    message(0, 'in', ask),
    message(2.25, 'out', sip({ start: 'SIP/2.0 200 OK', method: 'SUBSCRIBE', over, headers: ['Expires: 600'] })),
    message(3.5, 'out', tell),
    message(9, 'in', sip({ start: 'SIP/2.0 200 OK', method: 'NOTIFY', over })),
  ]
}

/** A report that the proxy hands on to the prose element of the same node. */
export function report(at: number): TappedMessage[] {
  const body = '{"heard":[{"code":"00ff","at":"2026-01-01T00:00:00Z"}],"lost":[],"proof":"s3cr\\"t"}'
  const bytes = sip({ start: 'MESSAGE sip:prose@localhost SIP/2.0', method: 'MESSAGE', headers: [json('prose-match')], body })
  const ok = sip({ start: 'SIP/2.0 200 OK', method: 'MESSAGE' })
  const local = { transport: 'MEM', direction: 'local' } as const
  return [
    { at, transport: 'UDP', from: alice, to: proxy, direction: 'in', bytes },
    { at: at + 0.1, ...local, from: inside('proxy'), to: inside('prose'), bytes },
    { at: at + 0.3, ...local, from: inside('prose'), to: inside('proxy'), bytes: ok },
    { at: at + 0.4, transport: 'UDP', from: proxy, to: alice, direction: 'out', bytes: ok },
  ]
}

/** All transports, both address families, long and short messages. */
export function traffic(start: number): TappedMessage[] {
  return [
    ...subscription(start, 'UDP', alice, proxy),
    ...report(start + 20),
    ...subscription(start + 40, 'TCP', bob, proxy),
    ...subscription(start + 60, 'WS', { ...alice, port: 40_011 }, webProxy),
    ...subscription(start + 80, 'WSS', { ...bob, port: 40_012 }, { ...webProxy, port: 8443 }),
    ...subscription(start + 100, 'TLS', { ...bob, port: 40_013 }, { ...proxy, port: 5061 }),
    ...subscription(start + 120, 'UDP', carol, proxySix),
    ...subscription(start + 140, 'TCP', carol, proxySix),
    ...subscription(start + 160, 'WS', carol, { ...proxySix, port: 8060 }),
    ...subscription(start + 180, 'MEM', { address: 'dave.test', port: 5060 }, { address: 'node.test', port: 5060 }),
    ...subscription(start + 200, 'UDP', alice, proxy, 60_000),
    ...subscription(start + 220, 'TCP', bob, proxy, 200_000),
    ...subscription(start + 240, 'WS', { ...alice, port: 40_011 }, webProxy, 100_000),
    ...subscription(start + 260, 'MEM', inside('hss'), inside('prose'), 70_000).map((m) => ({
      ...m,
      direction: 'local' as const,
    })),
  ]
}
