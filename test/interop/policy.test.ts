/** Policy and charging on real nodes: rules that change by SIGHUP, faults with their line, records and their sums. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { proxima, startDefaultServer } from '../support/process.ts'
import { ProcessStage } from './peers/stage.ts'

interface Plan {
  readonly elements: { readonly pcrf: { rules?: readonly object[] } }
}

test('a rule that comes by SIGHUP ends the service, and one that goes lets it begin again', async (t) => {
  const server = await startDefaultServer({ args: ['--log-level', 'info'] })
  const stage = new ProcessStage(server, 'UDP')
  t.teardown(async () => {
    await stage.leave()
    await server.remove()
  })
  const file = join(server.folder, 'plan.yaml')
  const original = readFileSync(file, 'utf8')
  const hangUp = async (rules: readonly object[], said: RegExp): Promise<void> => {
    const plan = parse(original) as Plan
    plan.elements.pcrf.rules = rules
    writeFileSync(file, stringify(plan))
    const since = server.process.output.length
    server.process.signal('SIGHUP')
    await server.process.said(said, since)
  }
  const bob = await stage.ue('bob')
  const alice = await stage.ue('alice')
  t.is(typeof (await bob.requestProximity(['discoverable'])), 'object')
  t.is(typeof (await alice.requestProximity(['discoverer'])), 'object')

  await hangUp([{ hours: '99:00-10:00' }], /dialplan not taken[^\n]*plan\.yaml:\d+: pcrf: rule 1: hours: 99:00-10:00/)
  t.not(bob.state, undefined)
  await hangUp([{ name: 'no bobs', subscribers: ['bob'], decision: 'deny' }], /dialplan read again/)
  await stage.until('bob’s service has ended', () => bob.state === undefined)
  t.not(alice.state, undefined)
  t.is(await bob.requestProximity(['discoverable']), 403)
  const metrics = await server.metrics()
  t.is(metrics.get('prose_policy_lost_total'), 1)
  t.true((metrics.get('pcrf_withdrawn_total') ?? metrics.get('pcrf_denied_total') ?? 0) > 0)
  await hangUp([], /dialplan read again/)
  t.is(typeof (await bob.requestProximity(['discoverable'])), 'object')
  await stage.leave()
  t.is((await server.stop()).code, 0)
})

test('what was charged is in files that add up; a record taken out is missed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-policy-'))
  const records = join(folder, 'records')
  const server = await startDefaultServer({ settings: { prose: { charge: true }, pcrf: { records } } })
  const stage = new ProcessStage(server, 'UDP')
  t.teardown(async () => {
    await stage.leave()
    await server.remove()
    rmSync(folder, { recursive: true, force: true })
  })
  const bob = await stage.ue('bob')
  await bob.requestProximity(['discoverable', 'discoverer'])
  for (let i = 0; i < 3; i++) t.true(Array.isArray(await bob.who()))
  for (let waiting = 1; waiting > 0; ) {
    await stage.pass(0.05)
    waiting = (await server.metrics()).get('prose_charges_waiting') ?? 0
  }
  const [file] = readdirSync(records).map((name) => join(records, name))
  const sums = await proxima('charging', file!)
  t.is(sums.code, 0, sums.err)
  t.regex(sums.out, /sip:bob@localhost {2}proximity {2}allocation +1\n/)
  t.regex(sums.out, /sip:bob@localhost {2}proximity {2}feedback +3\n/)
  t.regex(sums.out, /4 records, 1 to 4: none missing, none twice/)
  const json = JSON.parse((await proxima('charging', file!, '--json')).out) as { readonly records: number }
  t.is(json.records, 4)

  const lines = readFileSync(file!, 'utf8').split('\n')
  writeFileSync(file!, lines.toSpliced(1, 1).join('\n'))
  const cut = await proxima('charging', file!)
  t.is(cut.code, 1)
  t.regex(cut.err, /\.jsonl:2: record 2 is missing/)
  const none = await proxima('charging', join(folder, 'none.jsonl'))
  t.is(none.code, 1)
  t.regex(none.err, /none\.jsonl: there is no such file/)
})
