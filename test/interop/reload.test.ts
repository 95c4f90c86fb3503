/** SIGHUP on a real server with a registration, a subscription and a connection that have to last. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { startDefaultServer } from '../support/process.ts'
import { ProcessStage } from './peers/stage.ts'

interface Plan {
  trusted: string[]
  elements: {
    readonly hss: {
      readonly subscribers: {
        readonly id: string
        password: string
        permissions: { discoverer: boolean; discoverable: boolean }
      }[]
    }
  }
}

test('a changed dialplan takes effect and drops nothing; a broken one does nothing', async (t) => {
  const server = await startDefaultServer({ args: ['--log-level', 'info'] })
  const stage = new ProcessStage(server, 'WS')
  t.teardown(async () => {
    await stage.leave()
    await server.remove()
  })
  const file = join(server.folder, 'plan.yaml')
  const original = readFileSync(file, 'utf8')
  const hangUp = async (text: string, said: RegExp): Promise<string> => {
    writeFileSync(file, text)
    const since = server.process.output.length
    server.process.signal('SIGHUP')
    return (await server.process.said(said, since))[0]
  }
  const changed = (change: (plan: Plan) => void): string => {
    const plan = parse(original) as Plan
    change(plan)
    return stringify(plan)
  }
  const alice = await stage.ue('alice')
  const bob = await stage.ue('bob')
  await alice.requestProximity(['discoverer'])
  await bob.requestProximity(['discoverable'])
  alice.watch({}, () => undefined)
  const { code } = bob.state!.announce!
  const report = async (): Promise<number> => (await alice.report([{ code, at: Date.now() }])).status
  t.is(await report(), 200)
  const before = await server.metrics()

  // Faults: each is told, and nothing changes.
  t.regex(await hangUp('nonsense: [', /dialplan not taken[^\n]*/), /plan\.yaml:1/)
  const person = (plan: Plan, name: string) => plan.elements.hss.subscribers.find(({ id }) => id === `sip:${name}@localhost`)!
  await hangUp(
    changed((plan) => plan.elements.hss.subscribers.push({ ...person(plan, 'carol') })),
    /dialplan not taken[^\n]*plan\.yaml:\d+: sip:carol@localhost belongs to sip:carol@localhost already/,
  )
  t.is(await report(), 200)

  // What waits for the next start is named.
  const trusting = changed((plan) => (plan.trusted = ['10.9.9.9']))
  await hangUp(trusting, /take effect at the next start: trusted/)

  for (let i = 0; i < 20; i++)
    await hangUp(
      changed((plan) => (person(plan, 'carol').password = `new-${i}`)),
      /dialplan read again/,
    )
  t.is(await report(), 200)
  const after = await server.metrics()
  for (const name of ['connections', 'subscriptions_held', 'subscriptions_made']) t.is(after.get(name), before.get(name), name)
  t.is(after.get('hss_subscribers') ?? 0, before.get('hss_subscribers') ?? 0)

  // A permission that is withdrawn takes effect at once, at the element that uses it.
  await hangUp(
    changed((plan) => (person(plan, 'alice').permissions.discoverer = false)),
    /dialplan read again/,
  )
  await stage.until('alice may not discover any more', () => alice.state?.roles.includes('discoverer') !== true)
  await stage.leave()
  t.is((await server.stop()).code, 0)
})
