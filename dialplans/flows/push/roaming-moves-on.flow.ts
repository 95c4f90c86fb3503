/** A roamer moves on, or home, with messages under way. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, push, pushText, texts, withPassword } from './cast.ts'
import { erin, registered, roamer, unhurried } from './roaming-cast.ts'

export const flow: FlowScript = {
  id: 'push/roaming-moves-on',
  title: 'A roamer moves on',
  clause: '§5.1',
  network: 'push-roaming.yaml',
  scenarios: unhurried([
    {
      name: 'P53, A3: from one network to the next, and home: the newest binding of her device alone',
      async run(stage) {
        const e = await stage.ue(erin.address)
        const first = await roamer(stage, alice, 'op-b.example')
        stage.expect('there', (await pushText(stage, e.agent, alice.push, '1')) === 200)
        const second = await roamer(stage, alice, 'op-c.example')
        stage.expect('where she is now', (await pushText(stage, e.agent, alice.push, '2')) === 200)
        const third = await roamer(stage, alice, 'op-a.example')
        stage.expect('at home', (await pushText(stage, e.agent, alice.push, '3')) === 200)
        await stage.during(first.agent.stop()) // where she was she has nothing to unregister
        stage.expect('still at home', (await pushText(stage, e.agent, alice.push, '4')) === 200)
        await stage.pass(5)
        stage.expect('each once', [first, second, third].map(({ got }) => texts(got)).join() === '1,2,3,4')
      },
    },
    {
      name: 'P53: what the visited network could not deliver comes by the next one, once, and never at the old one',
      settings: { 'op-a/push': { store: { accept: 2 } } },
      async run(stage) {
        const e = await stage.ue(erin.address)
        const first = await roamer(stage, alice, 'op-b.example')
        let second = first
        await stage.without('op-b', async () => {
          for (const text of ['1', '2'])
            stage.expect('stored at home', (await pushText(stage, e.agent, alice.push, text)) === 202)
          second = await roamer(stage, alice, 'op-c.example')
          await stage.until('both arrive', () => second.got.length >= 2, 400)
        })
        await stage.pass(5)
        stage.expect('each once, in order', texts(second.got) === '1,2')
        stage.expect('nothing at the old one', first.got.length === 0)
      },
    },
    {
      name: 'A2: another password ends what the old one registered, in another network and at home',
      settings: { 'op-a/push': { store: { accept: 15 } } },
      async run(stage) {
        const e = await stage.ue(erin.address)
        for (const [i, domain] of ['op-b.example', 'op-a.example'].entries()) {
          const there = await roamer(stage, alice, domain)
          stage.expect('taken', (await pushText(stage, e.agent, alice.push, `${i}`)) === 200)
          await withPassword(stage.operatorOf('op-a'), alice, 'another')
          await stage.pass(2)
          stage.expect('stored', (await pushText(stage, e.agent, alice.push, `later ${i}`)) === 202)
          await stage.pass(6)
          stage.expect('nothing comes there', there.got.length === 1)
          await withPassword(stage.operatorOf('op-a'), alice, 'alice-proxima')
          await registered(stage, there)
          await stage.until('until she is there by the new one', () => there.got.length === 2)
        }
      },
    },
    {
      name: 'A3: the old network vouches no more for her at her home, 403',
      async run(stage) {
        const c = await stage.ue(carol.address)
        const first = await roamer(stage, alice, 'op-b.example')
        stage.expect('while she is there', (await push(stage, first.agent, carol.push)) === 200)
        const second = await roamer(stage, alice, 'op-c.example')
        stage.expect('from the old one', (await push(stage, first.agent, carol.push)) === 403)
        stage.expect('from where she is', (await push(stage, second.agent, carol.push)) === 200)
        const b = await stage.ue(bob.address)
        stage.expect('to another network', (await push(stage, second.agent, bob.push)) === 200)
        stage.expect('and to her', (await push(stage, c.agent, alice.push)) === 200)
        stage.expect('once', second.got.length === 1 && first.got.length === 0 && b !== undefined)
      },
    },
  ]),
}
