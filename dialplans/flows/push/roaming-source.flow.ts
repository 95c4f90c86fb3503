/** A Push from a user who roams: the visited server acts as the source's, and her home is not on the way. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, cpim, inbox, leave, push } from './cast.ts'
import { erin, pushClient, roamer, unhurried } from './roaming-cast.ts'

export const flow: FlowScript = {
  id: 'push/roaming-source',
  title: 'A Push from a user in another network',
  clause: '§5.2',
  network: 'push-roaming.yaml',
  scenarios: unhurried([
    {
      name: 'P51: the visited server acts as source’s server, and never goes through her home',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        stage.expect('a user of the visited network has it', (await push(stage, alices.agent, bob.push)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'P51: to a third operator, and to her home, which knows that she is there',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const [c, e] = [await stage.ue(carol.address), await stage.ue(erin.address)]
        const [toCarol, toErin] = [inbox(c.agent), inbox(e.agent)]
        stage.expect('a third operator’s', (await push(stage, alices.agent, erin.push)) === 200)
        stage.expect('her home’s', (await push(stage, alices.agent, carol.push)) === 200)
        stage.expect(
          'each once',
          [toErin, toCarol].every((got) => got.join() === `sip:${alice.address} hello`),
        )
      },
    },
    {
      name: 'P51: a receipt finds her where she is, through her home',
      settings: { 'op-b/push': { store: { accept: 2 } } },
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const body = cpim(alice.address, bob.push, 'processing')
        const { status } = await stage.during(alices.agent.message(`sip:${bob.push};user=push`, body))
        stage.expect('he is away', status === 202)
        await stage.until('it is told as stored', () => alices.got.some((text) => text.includes('<stored/>')), 100)
        const b = await stage.ue(bob.address)
        await stage.until('he has it', async () => (await push(stage, alices.agent, bob.push)) < 300)
        stage.expect('she is told once', alices.got.length === 1 && b !== undefined)
      },
    },
    {
      name: 'P54: without a registration a Push from her gets 403; after it ended, too',
      async run(stage) {
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        const before = await pushClient(stage, alice, 'op-b.example')
        stage.expect('not registered', (await push(stage, before.agent, bob.push)) === 403)
        const alices = await roamer(stage, alice, 'op-b.example')
        stage.expect('registered', (await push(stage, alices.agent, bob.push)) === 200)
        await leave(stage, alices)
        stage.expect('unregistered', (await push(stage, alices.agent, bob.push)) === 403)
        stage.expect('he has the one', toBob.length === 1)
      },
    },
    {
      name: 'A1: a roamer who names somebody else in From of a CPIM message, 403; a stranger who calls himself so, 403',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        const as = async (from: string): Promise<number> =>
          (await stage.during(alices.agent.message(`sip:${bob.push};user=push`, cpim(from, bob.push)))).status
        stage.expect('as a user of the visited network', (await as(bob.address)) === 403)
        stage.expect('as another operator’s', (await as(erin.address)) === 403)
        stage.expect('he gets nothing', toBob.length === 0)
        stage.expect('as herself', (await as(alice.address)) === 200)
        const stranger = await stage.stranger(alice.address, 'op-b.example')
        stage.expect('from another place', (await push(stage, stranger, bob.push)) === 403)
        stage.expect('he has the one', toBob.length === 1)
      },
    },
    {
      name: 'A1: vouched for by a network that may not, 403: at a third operator',
      peers: { 'op-c': ['op-a', 'op-b'] },
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const e = await stage.ue(erin.address)
        const toErin = inbox(e.agent)
        stage.expect('refused', (await push(stage, alices.agent, erin.push)) === 403)
        stage.expect('she gets nothing', toErin.length === 0)
      },
    },
  ]),
}
