/** Promises of every provider of wake-ups (RFC 8599, SPEC §5.8), sent by the guarded client to a service on loopback. Run it over each. */
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

export function wakeProviderContract(test: TestFn, name: string, { faultOf, open, strange }: WakeProviderCase): void {
  const scene = async (host = 'push.example') => {
    const service = await PushServiceOnLoopback.open(host)
    const clock = new ManualClock()
    const http = outboundHttp({ clock, resolve: () => Promise.resolve(['127.0.0.1']), authorities: service.certificate })
    let count = 0
    const under = open(service.url)
    const wake = async (urgency: 'high' | 'normal', target = under.target) => {
      const request = under.provider.requestFor(target, { ttl: 60, urgency, id: `wake-${++count}`, now: clock.date() })
      return request === undefined ? 'no request' : wakeVerdictOn(await http.send({ ...request, allow }), clock.date()).rule
    }
    return { ...under, service, wake }
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
}
