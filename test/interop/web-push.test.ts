/** Web Push to a browser that sleeps (P74): all of it but the push network, whose place a service on loopback takes. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { until } from '../support/patience.ts'
import { startDefaultServer } from '../support/process.ts'
import { PushServiceOnLoopback } from '../support/push-service.ts'
import { Chromium } from './peers/chromium.ts'

const title = 'Bob has a message'

test('P74: a push service wakes Chromium, which shows a notification; its page registers, and gets what waits once', async (t) => {
  if (spawnSync('chromium', ['--version']).status !== 0) {
    t.log('not tried: there is no Chromium here')
    return t.pass()
  }
  const folder = mkdtempSync(join(tmpdir(), 'proxima-web-push-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const service = await PushServiceOnLoopback.open('localhost')
  t.teardown(() => service.close())
  const certificate = join(folder, 'certificate.pem')
  writeFileSync(certificate, service.certificate)
  const server = await startDefaultServer({
    settings: { push: { wake: { allow: ['127.0.0.0/8', '::1'] } } },
    env: { NODE_EXTRA_CA_CERTS: certificate },
  })
  t.teardown(() => server.remove())
  const send = async (body: string) => (await fetch(`${server.http}/push/bob`, { method: 'POST', body })).json()
  const browser = await Chromium.open(server)
  const { origin } = new URL(browser.page)
  await browser.ask('Browser.grantPermissions', { origin, permissions: ['notifications'] })

  const watching = await browser.newPage()
  const { session } = watching
  const value = async (expression: string): Promise<unknown> =>
    (await browser.ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, session)).result?.value
  const shown = (): Promise<unknown> =>
    value('navigator.serviceWorker.ready.then((one) => one.getNotifications()).then((all) => all.map(({ title }) => title))')
  await browser.ask('ServiceWorker.enable', {}, session)
  const url = `/wake-worker.js?title=${encodeURIComponent(title)}`
  await value(`navigator.serviceWorker.register('${url}').then(() => navigator.serviceWorker.ready).then(() => 'ready')`)
  await until('Chromium tells of the worker', () => browser.workers.has(browser.page))
  t.deepEqual(await shown(), [])

  await value("navigator.serviceWorker.addEventListener('message', ({ data }) => console.log('told', data.type))")

  const prid = `${service.url}/w/chromium-of-bob`
  service.answer = (response, { body, headers, method, path }) => {
    const isGenuine = /^vapid t=[\w.-]+, k=B[\w-]{86}$/.test(headers.authorization ?? '') && Number(headers['ttl']) > 0
    if (method !== 'POST' || path !== '/w/chromium-of-bob' || body !== '' || !isGenuine) return void response.writeHead(400).end()
    const push = { origin, registrationId: browser.workers.get(browser.page), data: '' }
    browser.ask('ServiceWorker.deliverPushMessage', push, session).then(
      () => response.writeHead(201).end(),
      () => response.writeHead(500).end(),
    )
  }
  /** The page as a SIP client that can be woken. */
  const client = async () => {
    const page = await browser.newPage()
    const contact = { 'pn-provider': 'webpush', 'pn-prid': encodeURIComponent(prid) }
    const account = { server: `ws://127.0.0.1:${server.ws}`, user: 'bob', password: 'bob-proxima', contact, expires: 86_400 }
    await browser.ask('Runtime.evaluate', { expression: `drive('sipjs', ${JSON.stringify(account)})` }, page.session)
    await page.said.wait(/^register 200$/m, 0)
    return page
  }
  const awake = await client()
  t.like(await send('at once'), { state: 'delivered' })
  await awake.said.wait(/^got at once$/m, 0)
  t.is(service.asked.length, 0)

  await awake.close()
  t.like(await send('for later'), { state: 'stored' })
  await until('the notification is shown', async () => String(await shown()) === title)
  await watching.said.wait(/^told proxima-wake$/m, 0)
  t.is(service.asked.length, 1)
  t.is((await server.metrics()).get('push_wakes_sent_total'), 1)
  const again = await client()
  await again.said.wait(/^got for later$/m, 0)
  t.like(await send('at once again'), { state: 'delivered' })
  await again.said.wait(/^got at once again$/m, 0)
  t.deepEqual(again.said.all.match(/^got .*$/gm), ['got for later', 'got at once again'])
})
