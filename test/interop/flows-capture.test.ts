/** Each flow's capture, in memory and over sockets: as many SIP messages as passed the server, and nothing to complain of. */
import { join } from 'node:path'
import test from 'ava'
import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import { StageSet } from '../../dialplans/flows/stage-set.ts'
import { loadDialplan } from '../../dialplans/load.ts'
import { openPcapng } from '../../signalling/capture/pcapng.ts'
import { RealClock, silent } from '../../signalling/index.ts'
import { scratch } from '../support/server-process.ts'
import { judge } from '../support/tshark.ts'

for (const flow of await loadFlows()) {
  const loaded = loadDialplan(networkOf(flow))
  if (loaded.faults !== undefined) throw new Error(`${networkOf(flow)} has faults`)
  const dialplan = { ...loaded.value, nodes: [] }
  for (const mode of ['virtual', 'sockets'] as const) {
    test(`${flow.id}, ${mode}`, async (t) => {
      const file = join(scratch(), `${flow.id}.pcapng`)
      const clock = new RealClock((fault) => t.fail(String(fault)))
      const tap = openPcapng({ file, clock, log: silent })
      let messages = 0
      // In virtual time every branch; over sockets the figure itself, since its waits are real.
      for (const scenario of mode === 'virtual' ? flow.scenarios : flow.scenarios.slice(0, 1)) {
        const stage = new StageSet({ dialplan, mode, tap }, scenario)
        try {
          await stage.open()
          await scenario.run(stage)
        } finally {
          await stage.close()
        }
        messages += stage.messages.messages.length
      }
      await tap.close?.()
      const { sip, complaints } = await judge(file)
      t.true(messages > 10)
      t.is(sip, messages)
      t.deepEqual(complaints, [])
    })
  }
}
