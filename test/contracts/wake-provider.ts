/** Promises of every provider of wake-ups (RFC 8599, SPEC §5.8), sent by the guarded client to a service on loopback. Run it over each. */
import type { ServerResponse } from 'node:http'
import type { TestFn } from 'ava'
import type { WakeProvider } from '../../elements/push/waking/provider.ts'
import { wakeVerdictOn } from '../../elements/push/waking/verdict.ts'
import { outboundHttp } from '../../elements/shared/http/outbound.ts'
import type { WakeTarget } from '../../elements/shared/values/push-notification.ts'
import { ManualClock } from '../../signalling/testing.ts'
import { type AskedRequest, PushServiceOnLoopback } from '../support/push-service.ts'

/** A provider with a device that it wakes. */
interface WakeProviderUnderTest {
  readonly provider: WakeProvider
  readonly target: WakeTarget
}

interface WakeProviderCase {
  /** @param url of the service, without a path */
  readonly open: (url: string) => WakeProviderUnderTest
  /** Names a fault of a request that the service gets; undefined: it is genuine, for that device and urgency. */
  readonly faultOf: (request: AskedRequest, target: WakeTarget, urgency: string) => string | undefined
  /** PRIDs that are none of its kind. */
  readonly strange: readonly string[]
}

const allow = ['127.0.0.0/8']
/** Addresses that nobody may have called by a URL of his. */
const inside = [
  ...['127.0.0.1', '169.254.169.254', '100.64.0.1', '10.0.0.1', '192.168.1.1', '0.0.0.0'],
  ...['::1', '::ffff:127.0.0.1', 'fd00::1', 'fe80::1', '64:ff9b::7f00:1'],
]

export function wakeProviderContract(test: TestFn, name: string, { faultOf, open, strange }: WakeProviderCase): void {
  const scene = async (host = 'push.example') => {
    const service = await PushServiceOnLoopback.open(host)
    const clock = new ManualClock()
    const names: string[] = []
    const addresses: { [name: string]: (time: number) => readonly string[] } = { [host]: () => ['127.0.0.1'] }
    const resolve = (asked: string): Promise<readonly string[]> => Promise.resolve(addresses[asked]?.(names.push(asked)) ?? [])
    const http = outboundHttp({ clock, resolve, authorities: service.certificate })
    let count = 0
    const under = open(service.url)
    const send = async ({ provider, target }: WakeProviderUnderTest, urgency: 'high' | 'normal', allowed: readonly string[]) => {
      const request = provider.requestFor(target, { ttl: 60, urgency, id: `wake-${++count}`, now: clock.date() })
      if (request === undefined) return 'no request'
      return wakeVerdictOn(await http.send({ ...request, allow: allowed }), clock.date()).rule
    }
    const wake = (urgency: 'high' | 'normal', target = under.target) => send({ ...under, target }, urgency, allow)
    /** Wakes by a service at that URL, where the settings allow those addresses. */
    const wakeBy = (url: string, allowed: readonly string[] = []) => send(open(url), 'normal', allowed)
    return { ...under, addresses, clock, names, service, wake, wakeBy }
  }

  test(`${name}: a wake is one genuine POST by HTTPS, with its urgency`, async (t) => {
    const { service, target, wake } = await scene()
    t.is(await wake('normal'), 'sent')
    t.is(await wake('high'), 'sent')
    const [first, second] = service.asked
    t.is(service.asked.length, 2)
    t.deepEqual([first!.method, second!.method], ['POST', 'POST'])
    t.is(faultOf(first!, target, 'normal'), undefined)
    t.is(faultOf(second!, target, 'high'), undefined)
    await service.close()
  })

  test(`${name}: it says its name and capabilities as Feature-Caps have them`, async (t) => {
    const { provider, service } = await scene()
    t.regex(provider.name, /^[A-Za-z0-9][\w.-]*$/)
    t.regex(provider.capabilities, /^(;\+sip\.[a-z]+="[\x21\x23-\x5b\x5d-\x7e]*")*$/)
    await service.close()
  })

  test(`${name}: each answer of a service has its meaning (A14)`, async (t) => {
    const { service, wake } = await scene()
    const meanings = { 201: 'sent', 202: 'sent', 400: 'refused', 401: 'refused', 403: 'refused', 413: 'refused' }
    const others = { 404: 'gone', 410: 'gone', 429: 'throttled', 500: 'failed', 503: 'failed', 307: 'failed', 418: 'failed' }
    for (const [status, rule] of Object.entries({ ...meanings, ...others })) {
      service.answer = (response) => void response.writeHead(Number(status), { Location: 'https://127.0.0.1/' }).end()
      t.is(await wake('normal'), rule, status)
    }
    service.answer = (response) => void response.writeHead(503, { 'Retry-After': '5' }).end()
    t.is(await wake('normal'), 'throttled')
    service.answer = (response) => void response.socket!.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
    t.is(await wake('normal'), 'failed')
    await service.close()
  })

  test(`${name}: a PRID that is none of its kind makes no request, and none of any kind breaks the next`, async (t) => {
    const { service, target, wake } = await scene()
    for (const prid of strange) t.is(await wake('normal', { ...target, prid }), 'no request', prid)
    const odd = ['\u0000', 'a\r\nX: y', '😀', 'x'.repeat(5000)]
    for (const prid of odd)
      t.true(['sent', 'no request', 'failed', 'refused'].includes(await wake('normal', { ...target, prid })), prid.slice(0, 9))
    t.is(await wake('normal'), 'sent')
    for (const { headers } of service.asked) t.is(headers['x'], undefined)
    await service.close()
  })

  test(`${name}: no connection to an address inside, as it is or by a name, and the device is left alone (A13)`, async (t) => {
    const { addresses, service, wakeBy } = await scene()
    const { port } = new URL(service.url)
    for (const host of [...inside.map((each) => (each.includes(':') ? `[${each}]` : each)), '2130706433', '0x7f.1']) {
      t.is(await wakeBy(`https://${host}:${port}`), 'refused', host)
      t.is(await wakeBy(`http://${host}:${port}`), 'refused', host)
    }
    addresses['push.example'] = () => inside
    t.is(await wakeBy(service.url), 'refused', 'a name that leads inside')
    addresses['push.example'] = () => ['8.8.8.8']
    t.is(await wakeBy(service.url.replace('https', 'http')), 'refused', 'a public address without TLS')
    t.is(service.connections, 0)
    await service.close()
  })

  test(`${name}: a name that changes after it was judged leads nowhere else (A13)`, async (t) => {
    const { addresses, names, service, wakeBy } = await scene()
    const other = await PushServiceOnLoopback.open('push.example', { host: '127.0.0.2', port: Number(new URL(service.url).port) })
    addresses['push.example'] = (time) => [time === 1 ? '127.0.0.1' : '127.0.0.2']
    t.is(await wakeBy(service.url, ['127.0.0.1']), 'sent')
    t.is(names.length, 1, 'one question for one wake')
    t.is(await wakeBy(service.url, ['127.0.0.1']), 'refused', 'it is judged anew for the next')
    t.deepEqual([service.connections, other.connections], [1, 0])
    await Promise.all([service.close(), other.close()])
  })

  test(`${name}: a redirect to the inside is followed by nobody (A13)`, async (t) => {
    const { service, wake } = await scene()
    const secret = await PushServiceOnLoopback.open()
    for (const status of [301, 302, 303, 307, 308]) {
      service.answer = (response) => void response.writeHead(status, { Location: `${secret.url}/secret` }).end()
      t.is(await wake('normal'), 'failed', String(status))
    }
    t.deepEqual([service.connections, secret.connections], [5, 0])
    await Promise.all([service.close(), secret.close()])
  })

  for (const [said, headers] of [
    ['announced', { 'Content-Length': '10000000000' }],
    ['chunked', {}],
  ] as const)
    test(`${name}: of an answer of 10 GB, ${said}, 64 kB are read (A13)`, async (t) => {
      const { service, wake } = await scene()
      let written = 0
      const closed = new Promise<void>((resolve) => {
        service.answer = (response) => {
          response.writeHead(201, headers)
          response.on('close', resolve)
          const more = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384
            if (!response.destroyed) response.once('drain', more)
          }
          more()
        }
      })
      t.is(await wake('normal'), 'failed')
      await closed
      t.true(written < 50_000_000, `${written} bytes were written before it was closed`) // what the system's buffers take is among them
      service.answer = (response) => void response.writeHead(201).end('x'.repeat(65_536))
      t.is(await wake('normal'), 'sent')
      await service.close()
    })

  for (const [said, begin] of [
    ['is silent', () => undefined],
    ['comes byte by byte', (response) => response.writeHead(201).write('a')],
    ['says its status and no more', (response) => response.socket!.write('HTTP/1.1 201 Created\r\n')],
  ] as readonly (readonly [said: string, begin: (response: ServerResponse) => unknown])[])
    test(`${name}: an answer that ${said} has ten seconds (A13, A14)`, async (t) => {
      const { clock, service, wake } = await scene()
      let drop: () => unknown = () => undefined
      const closed = new Promise<void>((resolve) => {
        service.answer = (response) => {
          begin(response)
          if (response.headersSent) drop = () => response.write('a')
          response.socket!.on('close', resolve)
        }
      })
      let rule: string | undefined
      const over = wake('normal').then((each) => {
        rule = each
      })
      while (service.asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
      for (let second = 0; second < 10; second++) {
        t.is(rule, undefined, `after ${second} s`)
        drop()
        await clock.advance(1000)
      }
      await over
      t.is(rule, 'failed')
      await closed
      service.answer = (response) => void response.writeHead(201).end()
      t.is(await wake('normal'), 'sent', 'the next is answered')
      await service.close()
    })

  test(`${name}: nonsense, a head without end and a connection that breaks end nothing (A14)`, async (t) => {
    const { service, wake } = await scene()
    for (const text of [
      'no HTTP at all\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
      'HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nabc',
      'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      '',
    ]) {
      service.answer = (response) => void response.socket!.end(text)
      t.is(await wake('normal'), 'failed', text.slice(0, 60))
    }
    service.answer = (response) => void response.socket!.destroy()
    t.is(await wake('normal'), 'failed')
    service.answer = (response) => void response.writeHead(201).end()
    t.is(await wake('normal'), 'sent')
    await service.close()
  })
}
