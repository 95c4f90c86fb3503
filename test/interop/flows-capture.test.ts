/** Each flow's capture, in memory and over sockets: as many SIP messages as passed the server, and nothing to complain of. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import { loadOperators } from '../../dialplans/network/load.ts'
import { RealClock, silent } from '../../signalling/index.ts'
import { openPcapng } from '../../signalling/tools.ts'
import { PatientStageSet } from '../support/flows.ts'
import { Places } from '../support/patience.ts'
import { scratch } from '../support/server-process.ts'
import { judge, judgeAll } from '../support/tshark.ts'

interface Captured {
  readonly file: string
  /** Of SIP. */
  readonly messages: number
}

const captures: Captured[] = []
const places = new Places(24) // flows over sockets at a time
const flows = await loadFlows()
/** Tests that run: all, or those that `--match` chooses. */
let begun = 0

test('flows are there', (t) => {
  t.true(flows.length > 20)
})

for (const flow of flows) {
  const loaded = loadOperators(networkOf(flow))
  if (loaded.faults !== undefined) throw new Error(`${networkOf(flow)} has faults`)
  const dialplan = loaded.value.map((each) => ({ ...each, nodes: [] }))
  for (const mode of ['virtual', 'sockets'] as const) {
    const capture = async (t: ExecutionContext): Promise<void> => {
      begun++
      const file = join(scratch(), `${flow.id.replace('/', '-')}.pcapng`)
      const clock = new RealClock((fault) => t.fail(String(fault)))
      const tap = openPcapng({ file, clock, log: silent })
      let messages = 0
      // In virtual time every branch; over sockets the figure itself, since its waits are real.
      for (const scenario of mode === 'virtual' ? flow.scenarios : flow.scenarios.slice(0, 1)) {
        const stage = new PatientStageSet({ dialplan, mode, tap }, scenario)
        try {
          await stage.open()
          await scenario.run(stage)
        } finally {
          await stage.close()
        }
        messages += stage.messages.messages.length
      }
      await tap.close?.()
      t.true(messages > 10)
      captures.push({ file, messages })
    }
    // those in virtual time first, one by one: they would hold up the others, whose time is real
    const run = mode === 'virtual' ? test.serial : test
    run(`${flow.id}, ${mode}`, (t) => places.within(() => capture(t)))
  }
}

test.after('Wireshark sees as many in all of them together', async (t) => {
  t.is(captures.length, begun)
  if (begun === 0) return t.pass('none was chosen')
  const { sip, complaints } = await judgeAll(captures.map(({ file }) => file))
  const wanted = captures.reduce((sum, { messages }) => sum + messages, 0)
  if (sip === wanted && complaints.length === 0) return
  for (const { file, messages } of captures) t.deepEqual(await judge(file), { sip: messages, complaints: [] }, file)
  t.fail(`${sip} of ${wanted} messages, ${complaints.join('; ')}`)
})
