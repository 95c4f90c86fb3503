/** FIG 9: the message carries a name at a Push host, and the Push server of that host finds the identifier. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, dave, inbox, mary, patiently, push } from './cast.ts'

export const flow: FlowScript = {
  id: 'push/fig-09',
  title: 'A Push server asks the address book',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P27: the source’s server resolves the name, to another operator’s user; To keeps it',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob: string[] = []
        b.agent.onMessage((message) => toBob.push(message.text('To') ?? ''))
        stage.expect('by nickname', (await push(stage, a.agent, 'Bobby@push.op-a.example')) === 200)
        stage.expect('by name', (await push(stage, a.agent, 'Bob%20Miller@push.op-a.example')) === 200)
        stage.expect('by number', (await push(stage, a.agent, '+4940111@push.op-a.example')) === 200)
        stage.expect('each once, with the name in To', toBob.length === 3 && toBob[0]!.includes('Bobby@push.op-a.example'))
      },
    },
    {
      name: 'P27: the destination’s server resolves a name at its own host',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('by user name', (await push(stage, a.agent, 'bob@push.op-b.example')) === 200)
        stage.expect('by name', (await push(stage, a.agent, 'bob%20miller@push.op-b.example')) === 200)
        stage.expect('each once', toBob.length === 2)
      },
    },
    {
      name: 'P27: to the second server of the source’s operator, by number',
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const toCarol = inbox(c.agent)
        stage.expect('hers takes it', (await push(stage, a.agent, '+4930222@push.op-a.example')) === 200)
        stage.expect('once', toCarol.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'PF15: several have that name, 485',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        stage.expect('ambiguous', (await push(stage, agent, 'Miller@push.op-a.example')) === 485)
      },
    },
    {
      name: 'PF16: nobody has that name, or somebody hidden has it, 404; her friend reaches her',
      async run(stage) {
        const [a, c, d] = [await stage.ue(alice.address), await stage.ue(carol.address), await stage.ue(dave.address)]
        const toAlice = inbox(a.agent)
        stage.expect('nobody', (await push(stage, c.agent, 'nobody@push.op-a.example')) === 404)
        stage.expect('hidden', (await push(stage, c.agent, 'alice@push.op-a.example')) === 404)
        stage.expect('hidden at the other operator', (await push(stage, c.agent, 'mary@push.op-b.example')) === 404)
        stage.expect('a friend', (await push(stage, d.agent, 'alice@push.op-a.example')) === 200)
        stage.expect('once', toAlice.length === 1)
        stage.expect('her string is no alias', (await push(stage, c.agent, mary.string)) === 202)
      },
    },
    {
      name: 'PF17: the address book is gone, 503; identifiers need none',
      settings: { 'op-a/push': { addressbook: 'sip:addressbook@192.0.2.9' } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('no answer', (await push(stage, a.agent, 'Bobby@push.op-a.example')) === 503)
        stage.expect('the identifier', (await push(stage, a.agent, bob.push)) === 200)
        stage.expect('once', toBob.length === 1)
      },
    },
    {
      name: 'A5: after 20 unknown destinations in a minute, 503 for the next',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        const guess = (i: number): Promise<number> =>
          push(stage, agent, `${i % 2 === 0 ? `0a0000000000${(4096 + i).toString(16)}` : `nobody${i}`}@push.op-a.example`)
        for (let i = 0; i < 20; i++) stage.expect('unknown', (await guess(i)) === 404)
        stage.expect('the last', (await guess(20)) === 404)
        stage.expect('refused', (await guess(21)) === 503 && (await push(stage, agent, bob.push)) === 503)
        await stage.pass(61)
        stage.expect('a minute later', (await guess(22)) === 404)
      },
    },
  ]),
}
