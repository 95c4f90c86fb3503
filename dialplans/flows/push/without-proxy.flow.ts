/** FIG 1: the Push server is the gateway too, and clients come to it straight. */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { inbox, push, withPassword } from './cast.ts'
import { conversation, usualConversation } from './conversation.ts'

const alice = { address: 'alice@op-d.example', push: '0a17c5d2e8b9f604@push.op-d.example' }
const bob = { address: 'bob@op-d.example', push: '0f3a9c0b12d47e58@push.op-d.example' }

export const flow: FlowScript = {
  id: 'push/without-proxy',
  title: 'Clients straight at their Push server',
  clause: '§2.2',
  network: 'push-direct.yaml',
  scenarios: [
    {
      name: 'P1, P39, P48: client, Push server, client: the outcomes of the way by a proxy',
      registers: true,
      settings: { push: { store: { accept: 15 } } },
      async run(stage) {
        const outcomes = await conversation(stage, alice, bob)
        stage.expect(`as by a proxy: ${outcomes}`, outcomes === usualConversation)
      },
    },
    {
      name: 'P2: registered first, then a MESSAGE each way over that flow; not without; over a restart too',
      settings: { push: { store: { accept: 20 } } },
      async run(stage) {
        const [a, b] = await bothRegistered(stage)
        const toBob = inbox(b)
        stage.expect('taken', (await push(stage, a, bob.push)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
        const stranger = await stage.stranger(alice.address, 'op-d.example')
        stage.expect('a stranger who calls himself so', (await push(stage, stranger, bob.push)) === 407)
        stage.expect('another’s identifier', (await asAnother(stage)) === 403)
        stage.expect('he has the one', toBob.length === 1)
        const relayed = a.message(
          `sip:${bob.push};user=push`,
          { type: 'text/plain', content: 'x' },
          undefined,
          'sip:op-x.example',
        )
        stage.expect('no relay by Route', (await stage.during(relayed)).status === 403)
        await stage.restart()
        await stage.until('they are there still', async () => (await push(stage, a, bob.push)) === 200)
        stage.expect('and he has it', toBob.length >= 2) // what came before his connection was made anew may have waited
      },
    },
    {
      name: 'A2: another password ends what the old one registered, and what is sent by that flow',
      settings: { push: { store: { accept: 15 } } },
      async run(stage) {
        const [a, b] = await bothRegistered(stage)
        const toBob = inbox(b)
        stage.expect('taken', (await push(stage, a, bob.push)) === 200)
        await withPassword(stage.operator, bob, 'another')
        await stage.pass(2)
        stage.expect('stored', (await push(stage, a, bob.push)) === 202)
        stage.expect('nor may he send', (await push(stage, b, alice.push)) === 407)
        await stage.pass(6)
        stage.expect('nothing comes', toBob.length === 1)
      },
    },
  ],
}

/** Clients of alice and bob. */
async function bothRegistered(stage: Stage): Promise<readonly [UserAgent, UserAgent]> {
  const a = await stage.pushClient(alice.address, { push: alice.push })
  const b = await stage.pushClient(bob.address, { push: bob.push })
  for (const agent of [a, b]) stage.expect('registered', (await stage.during(agent.register())).status === 200)
  return [a, b]
}

/** Alice registers bob's identifier. */
async function asAnother(stage: Stage): Promise<number> {
  const agent = await stage.pushClient(alice.address, { push: bob.push })
  return (await stage.during(agent.register())).status
}
