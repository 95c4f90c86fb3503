/** Store and forward: who is not there gets each Push when he is, once and in order (SPEC §5.6). */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, comeBack, inbox, leave, mary, patiently, push, pushText, texts } from './cast.ts'

export const flow: FlowScript = {
  id: 'push/offline',
  title: 'A Push to somebody who is away',
  clause: '§5.6',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'PF13: client gone: stored, 202, and delivered at his next REGISTER, once',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await comeBack(stage, b)
        await stage.until('he gets it', () => toBob.length > 0)
        await stage.pass(6)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'in order, before what comes while he is back',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        for (const text of ['1', '2', '3']) stage.expect('stored', (await pushText(stage, a.agent, bob.push, text)) === 202)
        await comeBack(stage, b)
        await pushText(stage, a.agent, bob.push, '4')
        await stage.until('he gets all', () => toBob.length >= 4)
        await stage.pass(6)
        stage.expect('each once, in order', texts(toBob) === '1,2,3,4')
      },
    },
    {
      name: 'a restart of the servers loses nothing and repeats nothing',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        for (const text of ['1', '2']) stage.expect('stored', (await pushText(stage, a.agent, bob.push, text)) === 202)
        await stage.restart()
        await comeBack(stage, b)
        await stage.until('he gets both', () => toBob.length >= 2)
        await stage.restart()
        await stage.pass(6)
        stage.expect('each once', texts(toBob) === '1,2')
      },
    },
    {
      name: 'who has never registered has a queue too',
      async run(stage) {
        const a = await stage.ue(alice.address)
        stage.expect('stored', (await push(stage, a.agent, mary.push)) === 202)
        const m = await stage.ue(mary.address)
        const toMary = inbox(m.agent)
        stage.expect('and so is the next', [200, 202].includes(await pushText(stage, a.agent, mary.push, 'again')))
        await stage.until('she gets it', () => toMary.length > 0)
      },
    },
  ]),
}
