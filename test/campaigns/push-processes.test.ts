/** Push flows in one process and in processes by `--node` (PUSH P71): between operators, and to clients, the same messages pass. */
import test from 'ava'
import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import type { Scenario } from '../../dialplans/flows/stage/flow.ts'
import { StageSet } from '../../dialplans/flows/stage/stage-set.ts'
import { loadOperators } from '../../dialplans/network/load.ts'
import { SipRequest, SipResponse } from '../../signalling/index.ts'
import { scan, type TappedMessage } from '../../signalling/tools.ts'
import { ProcessNetwork } from '../interop/peers/network.ts'
import { ProcessStage } from '../interop/peers/stage.ts'

/** Flows whose first scenario sends each message once, whatever time it takes. */
const compared = [
  'fig-02',
  'fig-03',
  'direct-to-destination',
  'roaming-destination',
  'roaming-source',
  'roaming-both',
  'roaming-same',
]
const flows = (await loadFlows()).filter(({ id }) => compared.some((name) => id === `push/${name}`))

/** MESSAGEs and their answers between operators and clients, each once, in any order. */
function passed(
  messages: readonly TappedMessage[],
  operatorAt: (end: TappedMessage['from']) => string | undefined,
): readonly string[] {
  const seen = new Map<string, string>()
  for (const { bytes, direction, from, to } of messages) {
    const sip = direction === 'local' ? undefined : scan(Buffer.from(bytes))
    const [source, target] = [operatorAt(from) ?? 'client', operatorAt(to) ?? 'client']
    if (source === target || sip === undefined || sip.cseq.method !== 'MESSAGE') continue
    const isResponse = sip instanceof SipResponse
    const about = sip instanceof SipRequest ? `MESSAGE ${sip.uri.host.endsWith('.example') ? sip.uri.host : 'its Contact'}` : ''
    const what = isResponse ? `${sip.status}` : about
    // a message that both ends have captured, or that was sent again, is one
    seen.set(`${sip.via?.branch} ${source} ${what}`, `${source} > ${target}: ${what} ${sip.to.uri.user}`)
  }
  return [...seen.values()].sort()
}

test('P71: each flow is compared', (t) => {
  t.is(flows.length, compared.length)
})

for (const [file, group] of Map.groupBy(flows, networkOf)) {
  test.serial(`P71: ${file.split('/').at(-1)}: the same messages in one process and in processes`, async (t) => {
    const loaded = loadOperators(file)
    if (loaded.faults !== undefined) return t.fail(`${file} has faults`)
    const dialplan = loaded.value.map((each) => ({ ...each, nodes: [] }))
    for (const { id, scenarios } of group) {
      const [scenario] = scenarios as [Scenario]
      const stage = new StageSet({ dialplan, mode: 'virtual' }, scenario)
      await stage.open()
      await scenario.run(stage)
      await stage.close()
      const operators = dialplan.map(({ operator }) => operator)
      const inOne = passed(
        stage.messages.messages,
        ({ address }) => operators[Number(/^10\.0\.0\.(\d+)$/.exec(address)?.[1]) - 1],
      )
      const network = await ProcessNetwork.start(file, scenario.settings ?? {})
      try {
        const processes = new ProcessStage(network, 'UDP')
        await scenario.run(processes)
        await processes.leave()
        await network.settled(t)
        const inSeveral = passed(network.captured(), ({ port }) => network.operatorAt(port))
        t.true(inOne.length >= 4, id)
        t.deepEqual(inSeveral, inOne, id)
      } finally {
        await network.remove()
      }
    }
  })
}
