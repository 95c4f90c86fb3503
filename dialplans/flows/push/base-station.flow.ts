/** Clients attach through a base station, a proxy on their way that nobody trusts with anybody's identity (SPEC §5.1). */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { inbox, push, pushText, texts, withPassword } from './cast.ts'
import { conversation, usualConversation } from './conversation.ts'

const domain = 'op-e.example'
const alice = { address: `alice@${domain}`, push: `0a17c5d2e8b9f604@push.${domain}` }
const bob = { address: `bob@${domain}`, push: `0f3a9c0b12d47e58@push.${domain}` }
const carol = { address: `carol@${domain}`, push: `0c5e0f91a7b24d68@push.${domain}` }
const [near, far] = [{ station: 'ran1' }, { station: 'ran2' }]
const settings = { push: { store: { accept: 15 } } }

async function register(stage: Stage, agent: UserAgent): Promise<void> {
  stage.expect('registered', (await stage.during(agent.register())).status === 200)
}

export const flow: FlowScript = {
  id: 'push/base-station',
  title: 'Clients behind base stations',
  clause: '§5.1',
  network: 'push-base-station.yaml',
  scenarios: [
    {
      name: 'P39, P48: client, base station, proxy, server, and back by another cell: the outcomes of the way by a proxy',
      registers: true,
      settings,
      async run(stage) {
        const outcomes = await conversation(stage, { ...alice, ...near }, { ...bob, ...far })
        stage.expect(`as by a proxy: ${outcomes}`, outcomes === usualConversation)
      },
    },
    {
      name: 'P39, P48: two of one cell',
      settings,
      async run(stage) {
        const outcomes = await conversation(stage, { ...alice, ...near }, { ...bob, ...near })
        stage.expect(`as by a proxy: ${outcomes}`, outcomes === usualConversation)
      },
    },
    {
      name: 'P39, P48: one at the proxy itself, and one in a cell',
      settings,
      async run(stage) {
        const outcomes = await conversation(stage, carol, { ...bob, ...far })
        stage.expect(`as by a proxy: ${outcomes}`, outcomes === usualConversation)
      },
    },
    {
      name: 'P48: a subscriber’s device in a cell: stored while he is away, brought when he is back; over a restart too',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address, near)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        stage.expect('there', (await push(stage, a.agent, bob.push)) === 200)
        stage.expect('and back', (await push(stage, b.agent, alice.push)) === 200)
        stage.expect('each once', toAlice.length === 1 && toBob.length === 1)
        stage.expect('away', (await stage.during(b.agent.register(0))).status === 200)
        stage.expect('stored', (await pushText(stage, a.agent, bob.push, 'later')) === 202)
        await register(stage, b.agent)
        await stage.until('what waited arrives', () => texts(toBob) === 'hello,later')
        await stage.restart()
        await stage.until('he is there still', async () => (await pushText(stage, a.agent, bob.push, 'again')) === 200)
        stage.expect('as he was before', texts(toBob).startsWith('hello,later,again'))
      },
    },
    {
      name: 'P48: what a device subscribes to is told it through its cell, over a restart too',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address, near)]
        let summary = ''
        const watched = { to: `sip:${bob.address}`, event: 'message-summary', accept: [], expires: 3600 }
        b.agent.subscribe(watched, { notified: ({ body }) => void (summary = String(body)), ended: () => undefined })
        await stage.until('nothing waits', () => summary.startsWith('Messages-Waiting: no'))
        const device = await stage.pushClient(bob.address, { ...bob, ...far, device: '00000000000b' })
        await register(stage, device)
        device.takeMessages(async () => 480)
        stage.expect('one has it', (await push(stage, a.agent, bob.push)) < 300)
        await stage.until('for the other it waits', () => summary.startsWith('Messages-Waiting: yes'))
        await stage.restart()
        device.takeMessages(async () => 200)
        await register(stage, device)
        await stage.until('it waits no more', () => summary.startsWith('Messages-Waiting: no'), 120)
      },
    },
    {
      name: 'A1, A2: nobody in a cell passes for another of that cell, with or without a password',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address, near), await stage.ue(bob.address, near)]
        const toBob = inbox(b.agent)
        stage.expect('she may', (await push(stage, a.agent, bob.push)) === 200)
        const stranger = await stage.stranger(alice.address, domain, near)
        stage.expect('who calls himself so is asked', (await push(stage, stranger, bob.push)) === 407)
        stage.expect('nor may he register', (await stage.during(stranger.register())).status === 401)
        const client = await stage.pushClient(alice.address, { push: bob.push, ...near })
        stage.expect('another’s identifier', (await stage.during(client.register())).status === 403)
        const relayed = a.agent.message(`sip:${bob.push}`, { type: 'text/plain', content: 'x' }, undefined, 'sip:op-x.example')
        stage.expect('no relay by Route', (await stage.during(relayed)).status === 403)
        stage.expect('nor by name', (await push(stage, a.agent, 'bob@op-x.example')) === 403)
        await withPassword(stage.operator, alice, 'another')
        await stage.pass(2)
        stage.expect('nor by an old password', (await push(stage, a.agent, bob.push)) === 407)
        stage.expect('he has the one', toBob.length === 1)
      },
    },
    {
      name: 'P48: a device goes from its cell to the proxy and back: by the newest way alone',
      settings,
      async run(stage) {
        const device = '00000000000a'
        const b = await stage.ue(bob.address)
        const inCell = await stage.pushClient(alice.address, { ...alice, ...near, device })
        const direct = await stage.pushClient(alice.address, { ...alice, device })
        const [there, here] = [inbox(inCell), inbox(direct)]
        await register(stage, inCell)
        stage.expect('in the cell', (await pushText(stage, b.agent, alice.push, '1')) === 200)
        await register(stage, direct)
        stage.expect('at the proxy', (await pushText(stage, b.agent, alice.push, '2')) === 200)
        await register(stage, inCell)
        stage.expect('in the cell again', (await pushText(stage, b.agent, alice.push, '3')) === 200)
        stage.expect(`each by the newest way: ${texts(there)} ${texts(here)}`, texts(there) === '1,3' && texts(here) === '2')
      },
    },
    {
      name: 'P48: one device by two flows, in its cell and to the proxy: where the one goes, the other stays',
      settings,
      async run(stage) {
        const a = await stage.ue(alice.address)
        const [inCell, direct] = [await stage.ue(bob.address, near), await stage.ue(bob.address)]
        const [there, here] = [inbox(inCell.agent), inbox(direct.agent)]
        for (const [index, { agent }] of [inCell, direct].entries()) {
          agent.contactParameters = [
            ['+sip.instance', '<urn:uuid:00000000-0000-1000-8000-00000000000b>'],
            ['reg-id', String(index + 1)],
          ]
          await register(stage, agent)
        }
        stage.expect('the newest', (await pushText(stage, a.agent, bob.push, '1')) === 200)
        stage.expect('goes', (await stage.during(direct.agent.register(0))).status === 200)
        stage.expect('the other', (await pushText(stage, a.agent, bob.push, '2')) === 200)
        stage.expect(`one, then the other: ${texts(here)}, ${texts(there)}`, texts(here) === '1' && texts(there) === '2')
      },
    },
  ],
}
