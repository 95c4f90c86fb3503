/** Elements that are let go and taken up while a node runs: HTTP, health and SIGHUP are about those that serve then. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { RunningOperator } from '../../../dialplans/commands/start/operator.ts'
import { readDialplan } from '../../../dialplans/commands/support/network.ts'
import type { Dialplan, PlannedElement } from '../../../dialplans/network/dialplan.ts'
import { completedElements } from '../../../dialplans/network/roles.ts'
import { createHss, type Hss, type HssSettings } from '../../../elements/hss/index.ts'
import { silent } from '../../../signalling/index.ts'

const token = 'a-token-for-this-test'
const permissions = { discoverable: true, discoverer: true }

/** The default network with those subscribers more, on free ports. */
function planWith(data: string, ...more: readonly string[]): Dialplan {
  const plan = readDialplan(join(import.meta.dirname, '../../../dialplans/default.yaml'))
  const elements = plan.elements.map((element): PlannedElement => {
    const { subscribers } = element.settings as { readonly subscribers?: readonly object[] }
    if (subscribers === undefined) return element
    const others = more.map((name) => ({ id: `sip:${name}@localhost`, permissions }))
    return { ...element, settings: { ...element.settings, subscribers: [...subscribers, ...others] } }
  })
  const place = { host: '127.0.0.1', port: 0 }
  return { ...plan, elements, data, api: { token }, http: place, listen: [{ transport: 'UDP', ...place }] }
}

function hssOf(dialplan: Dialplan): Hss {
  return createHss('hss', completedElements(dialplan).find(({ name }) => name === 'hss')!.settings as HssSettings)
}

test('an HSS that is taken up serves HTTP, and hears of changes of the dialplan', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'proxima-moved-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))
  const plan = planWith(data)
  const operator = await RunningOperator.start(plan, { log: silent, surroundings: {} })
  t.teardown(() => operator.stop(100))
  const { node } = operator.running
  const [at] = operator.announcement('dgram', false).flatMap((line) => /http:\/\/[\d.:]+/.exec(line) ?? [])
  const status = async (path: string): Promise<number> =>
    (await fetch(`${at}/v1/subscribers/${path}`, { headers: { Authorization: `Bearer ${token}` } })).status
  const serving = async (): Promise<readonly string[]> => {
    const { elements } = (await (await fetch(`${at}/health`)).json()) as {
      readonly elements: readonly { readonly name: string }[]
    }
    return elements.map(({ name }) => name)
  }
  t.is(await status('alice'), 200)
  t.true((await serving()).includes('hss'))

  const first = operator.running.elements.find(({ name }) => name === 'hss') as Hss
  await node.letGo('hss', 100)
  t.is(await status('alice'), 404)
  t.false((await serving()).includes('hss'))

  const second = hssOf(plan)
  await node.takeUp(second)
  t.is(await status('alice'), 200)
  t.true((await serving()).includes('hss'))
  await second.set({ id: 'yves', permissions })
  t.is(await status('yves'), 200)

  t.deepEqual(await operator.reload(planWith(data, 'zoe')), [])
  t.truthy(second.held('zoe'))
  t.is(first.held('zoe'), undefined)
  t.is(await status('zoe'), 200)
})
