/** A Push to a user who roams: home by flag bits, visited by the recorded relation, client. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, leave, push, pushNow, pushText, texts } from './cast.ts'
import { erin, pushClient, registered, roamer, unhurried } from './roaming-cast.ts'

export const flow: FlowScript = {
  id: 'push/roaming-destination',
  title: 'A Push to a user in another network',
  clause: '§5.1',
  network: 'push-roaming.yaml',
  scenarios: unhurried([
    {
      name: 'P49, P50: registered through the visited server, reached through home',
      registers: true,
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const [c, e] = [await stage.ue(carol.address), await stage.ue(erin.address)]
        stage.expect('from another server of her home', (await push(stage, c.agent, alice.push)) === 200)
        stage.expect('from another operator', (await push(stage, e.agent, alice.push)) === 200)
        stage.expect('each once', alices.got.join() === `sip:${carol.address} hello,sip:${erin.address} hello`)
      },
    },
    {
      name: 'P49: registrations and their Path outlive a restart of all',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const e = await stage.ue(erin.address)
        await stage.restart()
        const before = alices.got.length
        await stage.until('she is reached', async () => (await push(stage, e.agent, alice.push)) < 300, 300)
        await stage.until('she has it', () => alices.got.length > before, 300)
      },
    },
    {
      name: 'P49: away, it waits at home, and comes once she registers from where she is, in order',
      settings: { 'op-a/push': { store: { accept: 2 } } },
      async run(stage) {
        const e = await stage.ue(erin.address)
        const alices = await pushClient(stage, alice, 'op-b.example')
        for (const text of ['1', '2', '3']) stage.expect('stored', (await pushText(stage, e.agent, alice.push, text)) === 202)
        await registered(stage, alices)
        await stage.until('all arrive', () => alices.got.length >= 3, 100)
        stage.expect('each once, in order', texts(alices.got) === '1,2,3')
        await leave(stage, alices)
        stage.expect('away again', (await pushNow(stage, e.agent, alice.push)) === 480)
        stage.expect('she gets no more', alices.got.length === 3)
      },
    },
    {
      name: 'PF26: no agreement at the visited network, 403 roaming',
      peers: { 'op-b': ['op-a', 'op-c'] },
      async run(stage) {
        const { agent } = await pushClient(stage, alice, 'op-b.example')
        const { status, warning = '' } = await stage.during(agent.register())
        stage.expect(`refused: ${status} ${warning}`, status === 403 && warning.startsWith('roaming:'))
      },
    },
    {
      name: 'PF26: no agreement at home, 403 roaming; a home that is no peer, 403 roaming',
      peers: { 'op-a': ['op-b', 'op-c'] },
      async run(stage) {
        const { agent } = await pushClient(stage, alice, 'op-b.example')
        const { status, warning = '' } = await stage.during(agent.register())
        stage.expect(`refused: ${status} ${warning}`, status === 403 && warning.startsWith('roaming:'))
        const stray = { address: alice.address, push: '0a17c5d2e8b9f604@push.op-z.example' }
        const answer = await stage.during((await pushClient(stage, stray, 'op-b.example')).agent.register())
        stage.expect('no peer', answer.status === 403 && answer.warning?.startsWith('roaming:') === true)
      },
    },
    {
      name: 'PF12: the visited server is down: home stores, 202, and delivers once, when it is back',
      settings: { 'op-a/push': { store: { accept: 2 } } },
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const e = await stage.ue(erin.address)
        await stage.without('op-b', async () => {
          stage.expect('stored at home', (await pushText(stage, e.agent, alice.push, '1')) === 202)
        })
        await registered(stage, alices)
        await stage.until('it arrives', () => alices.got.length > 0, 400)
        await stage.pass(5)
        stage.expect('once', texts(alices.got) === '1')
      },
    },
    {
      name: 'A2: another’s identifier, and one with the flag bits of another, 403; a wrong password, no registration',
      async run(stage) {
        const at = async (push: string, domain: string, address = alice.address): Promise<number> =>
          (await stage.during((await pushClient(stage, { address, push }, domain)).agent.register())).status
        stage.expect('another’s, at home', (await at(carol.push, 'op-a.example')) === 403)
        stage.expect('another’s, through the visited server', (await at(carol.push, 'op-b.example')) === 403)
        stage.expect('as nobody', (await at(alice.push, 'op-b.example', 'mallory@op-a.example')) === 401)
        stage.expect('hers by another’s password', (await at(alice.push, 'op-b.example', carol.address)) === 403)
        stage.expect('another operator’s', (await at('4f3a9c0b12d47e58@push.op-a.example', 'op-a.example')) === 403)
        stage.expect('of nobody', (await at('0a17c5d2e8b9f605@push.op-a.example', 'op-b.example')) === 403)
        const b = await stage.ue(bob.address)
        stage.expect('she is not there', (await pushNow(stage, b.agent, alice.push)) === 480)
      },
    },
  ]),
}
