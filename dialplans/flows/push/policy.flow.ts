/** Policy of a Push: the PCRF of the source's operator says who may send, and how much (SPEC §5.2, §6.2). */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, inbox, patiently, push } from './cast.ts'

const asked = { pcrf: 'pcrf' }

export const flow: FlowScript = {
  id: 'push/policy',
  title: 'The PCRF is asked whether a source may send',
  clause: '§5.2',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      // the first: a lease of another scenario would keep a unit, as that of a killed server does
      name: 'a quota is one for all that a source sends, and what other checks refuse takes nothing of it',
      settings: {
        'op-a/push': asked,
        'op-a/push2': asked,
        'op-a/pcrf': { rules: [{ services: ['push'], quota: { count: 2 } }], block: { count: 1 } },
      },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        const nobody = alice.push.replace('0a17', '0aff')
        stage.expect('nobody has that identifier', (await push(stage, a.agent, nobody)) === 404)
        stage.expect('the first', (await push(stage, a.agent, bob.push)) === 200)
        stage.expect('the second', (await push(stage, a.agent, alice.push)) === 200)
        stage.expect('the third', (await push(stage, a.agent, bob.push)) === 403)
        stage.expect('it has not come', toBob.length === 1)
      },
    },
    {
      name: 'a source that a rule denies gets 403, to whomever it sends; others are let through',
      settings: {
        'op-a/push': asked,
        'op-a/push2': asked,
        'op-a/pcrf': { rules: [{ subscribers: ['alice'], services: ['push'], decision: 'deny' }] },
      },
      async run(stage) {
        const [a, b, c] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(carol.address)]
        const [toAlice, toBob, toCarol] = [inbox(a.agent), inbox(b.agent), inbox(c.agent)]
        stage.expect('to her own operator’s user', (await push(stage, a.agent, carol.push)) === 403)
        stage.expect('to another operator’s', (await push(stage, a.agent, bob.push)) === 403)
        stage.expect('to herself', (await push(stage, a.agent, alice.push)) === 403)
        stage.expect('hers may', (await push(stage, c.agent, bob.push)) === 200)
        stage.expect('and who is another operator’s', (await push(stage, b.agent, alice.push)) === 200)
        stage.expect('these alone arrived', toAlice.length === 1 && toBob.length === 1 && toCarol.length === 0)
      },
    },
  ]),
}
