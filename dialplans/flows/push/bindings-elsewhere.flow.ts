/** Bindings that another element keeps: the Push server asks it by `reg`, and delivers to GRUUs (SPEC §5.1, FIG 10 S30). */
import type { Ue } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, comeBack, inbox, leave, patiently, push, pushText, texts } from './cast.ts'

/** Registers with an instance, by which a GRUU is given. */
async function withGruu(stage: Stage, ue: Ue): Promise<void> {
  ue.agent.contactParameters = [['+sip.instance', '<urn:uuid:00000000-0000-4000-8000-000000000046>']]
  await comeBack(stage, ue)
}

export const flow: FlowScript = {
  id: 'push/bindings-elsewhere',
  title: 'Another element keeps the bindings',
  clause: '§5.1',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P46: the server asks for them by reg, and delivers to the GRUU; who leaves is away, who is back gets what waits',
      settings: { 'op-b/push': { bindings: 'registration' } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await withGruu(stage, b)
        stage.expect('his device takes it', (await pushText(stage, a.agent, bob.push, '1')) === 200)
        await leave(stage, b)
        await stage.pass(1)
        stage.expect('stored', (await pushText(stage, a.agent, bob.push, '2')) === 202)
        await comeBack(stage, b)
        await stage.until('he has both', () => toBob.length === 2)
        stage.expect('and the next', (await pushText(stage, a.agent, bob.push, '3')) === 200)
        await stage.pass(3)
        stage.expect('each once, in order', texts(toBob) === '1,2,3')
      },
    },
    {
      name: 'P46: over a restart of all servers',
      settings: { 'op-b/push': { bindings: 'registration' } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await withGruu(stage, b)
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.restart()
        await comeBack(stage, b)
        await stage.until('he has it', () => toBob.length === 1)
      },
    },
  ]),
}
