/** An application server that asks each period, and ProSe servers that listen for listed codes alone (SPEC §3.3, §3.5). */
import test from 'ava'
import { networkOf } from '../../../dialplans/flows/index.ts'
import { hears, member } from '../../../dialplans/flows/stage/cast.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'

const loaded = loadDialplan(networkOf({}))
if (loaded.faults !== undefined) throw new Error('default.yaml has faults')
const dialplan = { ...loaded.value, nodes: [] }

for (const mode of ['all', 'listed'] as const) {
  test(`polling finds friends in mode ${mode}`, async (t) => {
    const settings = { as: { feedback: 'poll', period: 5 }, prose: { mode } }
    const stage = new StageSet({ dialplan, mode: 'virtual' }, { name: 'polling', settings, run: async () => undefined })
    await stage.open()
    t.teardown(() => stage.close())
    const bob = await member(stage, 'bob')
    const alice = await member(stage, 'alice', { friends: ['sip:bob@localhost'] })
    const codes = (): readonly string[] => alice.ue.state?.monitor?.codes ?? []
    let near: readonly string[] | undefined
    const watching = alice.application.watch(
      (users) => (near = users.map(({ user }) => user).sort()),
      (status) => t.is(status, 200),
    )
    await stage.until('a first answer', () => near !== undefined)
    await stage.pass(1)
    t.is(codes().length, mode === 'listed' ? 1 : 0)
    const standing = stage.messages.messages.filter(({ bytes }) =>
      Buffer.from(bytes).includes('Event: proximity;max-rate=0.001'),
    ).length
    t.is(standing > 0, mode === 'listed', 'nobody else pays for it')
    await hears(stage, alice.ue, bob.ue)
    await stage.until('bob is near', () => near?.join() === 'sip:bob@localhost', 20)
    const carol = await member(stage, 'carol')
    await stage.during(alice.application.register({ friends: ['sip:bob@localhost', 'sip:carol@localhost'] }))
    await stage.pass(1)
    t.is(codes().length, mode === 'listed' ? 2 : 0, 'a new friend is listened for')
    await hears(stage, alice.ue, carol.ue)
    await stage.until('carol too', () => near?.includes('sip:carol@localhost'), 20)
    watching.unsubscribe()
    await stage.pass(1)
    t.is(codes().length, 0, 'and nobody any more when nobody asks')
  })
}
