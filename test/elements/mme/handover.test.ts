/** Two MMEs: whoever has moved away is let go, whatever happens to the former one (SPEC §3.6). */
import test from 'ava'
import { networkOf } from '../../../dialplans/flows/index.ts'
import { attached } from '../../../dialplans/flows/stage/cast.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'

const [first, second] = ['sip:mme1@localhost', 'sip:mme2@localhost']
const alice = 'sip:alice@localhost'
const settings = { mme1: { identifier: { code: '01', lifetime: 600, grace: 10 } } }

for (const killed of [false, true]) {
  test(`a UE that says nothing to the former MME is let go after the grace period${killed ? ', though both were killed in it' : ''}`, async (t) => {
    const loaded = loadDialplan(networkOf({ network: 'mme.yaml' }))
    if (loaded.faults !== undefined) throw new Error('mme.yaml has faults')
    const dialplan = { ...loaded.value, nodes: [] }
    const stage = new StageSet({ dialplan, mode: 'virtual' }, { name: 'moving', settings, run: async () => undefined })
    await stage.open()
    const { temporary } = await attached(stage, 'alice', first)
    const elsewhere = await stage.ue('alice') // the same device, which keeps its attachment to the first
    let notifications = 0
    const body = {
      type: 'application/vnd.proxima.attach-request+json',
      content: JSON.stringify({ former: { temporary, mme: first } }),
    }
    const heard = { notified: () => void notifications++, ended: () => undefined }
    elsewhere.agent.subscribe({ to: second, event: 'attach', accept: [], expires: 600, body }, heard)
    await stage.until('she is attached to the second', () => notifications > 0)
    await stage.pass(1)
    t.is(await stage.operator.temporaryOf('mme1', alice), temporary, 'still at the first too')
    if (killed) await stage.restart()
    await stage.pass(4)
    t.is(await stage.operator.temporaryOf('mme1', alice), temporary, 'in the grace period')
    await stage.pass(6)
    t.is(await stage.operator.temporaryOf('mme1', alice), undefined)
    t.truthy(await stage.operator.temporaryOf('mme2', alice))
    await stage.close()
  })
}
