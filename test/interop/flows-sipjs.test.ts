/** UEs on sip.js go through FIG 8 and FIG 13, every branch, over WebSocket, UDP and TCP against a real server. */
import test from 'ava'
import { loadFlows } from '../../dialplans/flows/index.ts'
import type { Scenario } from '../../dialplans/flows/stage/flow.ts'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { settled } from './peers/capture.ts'
import { needsOperator, ProcessStage, type Protocol } from './peers/stage.ts'

interface Part {
  readonly title: string
  readonly protocol: Protocol
  readonly scenario: Scenario
}

/** The figures themselves over every transport, their failure branches over one. */
const parts = (await loadFlows())
  .filter(({ id }) => id === 'proximity/fig-08' || id === 'proximity/fig-13')
  .flatMap(({ id, scenarios }) =>
    scenarios
      .filter((scenario) => !needsOperator(scenario)) // test/campaigns/processes.test.ts plays those
      .flatMap((scenario, i): readonly Part[] => {
        const protocols: readonly Protocol[] = i === 0 ? ['WS', 'UDP', 'TCP'] : [i % 2 === 0 ? 'WS' : 'UDP']
        return protocols.map((protocol) => ({ title: `${id} over ${protocol}: ${scenario.name}`, protocol, scenario }))
      }),
  )

let common: DefaultServer
test.before(async () => {
  common = await startDefaultServer()
})
test.after.always(() => common.remove())

for (const { title, protocol, scenario } of parts) {
  test.serial(title, async (t) => {
    const server = scenario.settings === undefined ? common : await startDefaultServer({ settings: scenario.settings })
    const stage = new ProcessStage(server, protocol)
    t.teardown(async () => {
      await stage.leave()
      if (server !== common) await server.remove()
    })
    await scenario.run(stage)
    await stage.leave()
    if (server !== common) await settled(t, server)
    else t.pass()
  })
}

test.serial('the capture of all of them is as Wireshark wants it', (t) => settled(t, common))
