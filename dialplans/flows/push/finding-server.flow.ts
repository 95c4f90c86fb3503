/** A client finds its own Push server: by address, name, flag bits, the address book, or the proxy. */
import { findOwnServer, type OwnServer, type OwnServerSettings } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, inbox, patiently, push } from './cast.ts'
import { conversation, usualConversation } from './conversation.ts'
import { lookUp } from './directory.ts'

type PushUser = typeof alice

/** The way that a client takes, with these settings. It asks the address book as the user that it is. */
async function found(stage: Stage, user: PushUser, settings: OwnServerSettings): Promise<OwnServer> {
  const identifier = user.push.split('@')[0]!
  const work = findOwnServer(
    { identifier, ...settings },
    {
      locate: (name) => stage.names.locate(name),
      inDirectory: async () => {
        const { agent } = await stage.ue(user.address)
        const entries = await lookUp(stage, agent, { self: true })
        return typeof entries === 'number' ? undefined : entries.find(({ uri }) => uri?.includes(identifier))?.server
      },
    },
  )
  return settings.name === undefined ? work : stage.during(work)
}

/** Registers by the server that was found, and pushes to that user. */
async function sendBy(stage: Stage, user: PushUser, way: OwnServer, to: PushUser): Promise<number> {
  const at = 'at' in way ? { at: way.at } : {}
  const agent = await stage.pushClient(user.address, { push: user.push, ...at })
  const { status } = await stage.during(agent.register())
  stage.expect(`registers: ${status}`, status === 200)
  const uri = `sip:${to.push};user=push`
  const through = 'server' in way ? way.server : undefined
  return (await stage.during(agent.message(uri, { type: 'text/plain', content: 'hello' }, undefined, through))).status
}

export const flow: FlowScript = {
  id: 'push/finding-server',
  title: 'A client finds its Push server',
  clause: '§5.1',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P33: by address, without a question to DNS',
      async run(stage) {
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        const way = await found(stage, alice, { address: stage.placeOf('op-a.example')!, name: 'op-a.example' })
        stage.expect('the address goes first', way.by === 'address')
        stage.expect('taken', (await sendBy(stage, alice, way, bob)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
        stage.expect('no name was asked', stage.names.asked.length === 0)
      },
    },
    {
      name: 'P34: by domain name: NAPTR, SRV, then REGISTER',
      async run(stage) {
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        const way = await found(stage, alice, { name: 'op-a.example' })
        stage.expect('found by name', way.by === 'name')
        const asked = ['NAPTR op-a.example', 'SRV _sip._udp.op-a.example', 'A edge._sip._udp.op-a.example']
        stage.expect(`asked: ${stage.names.asked}`, stage.names.asked.slice(0, 2).join() === asked.slice(0, 2).join())
        stage.expect('taken', (await sendBy(stage, alice, way, bob)) === 200)
        stage.expect('once', toBob.length === 1)
        const nowhere = await found(stage, alice, {
          name: 'op-z.example',
          table: [{ flags: '0000', server: 'sip:push@op-a.example' }],
        })
        stage.expect('a name without an address leads to the next way', nowhere.by === 'table')
      },
    },
    {
      name: 'P35: by a table of flag bits and its own identifier',
      async run(stage) {
        const a = await stage.ue(alice.address)
        const toAlice = inbox(a.agent)
        const table = [
          { flags: '0000', server: 'sip:push@op-a.example' },
          { flags: '0011', server: 'sip:push2@op-a.example' },
        ]
        const way = await found(stage, carol, { table })
        stage.expect('hers is the second', way.by === 'table' && way.server === 'sip:push2@op-a.example')
        stage.expect('taken', (await sendBy(stage, carol, way, alice)) === 200)
        stage.expect('once', toAlice.length === 1)
      },
    },
    {
      name: 'P36: asked of the network: push-directory self names the server',
      async run(stage) {
        const way = await found(stage, carol, { table: [{ flags: '01', server: 'sip:push@op-b.example' }] })
        stage.expect('hers is the second', way.by === 'directory' && way.server === 'sip:push2@op-a.example')
        const a = await stage.ue(alice.address)
        const toAlice = inbox(a.agent)
        stage.expect('taken', (await sendBy(stage, carol, way, alice)) === 200)
        stage.expect('once', toAlice.length === 1)
      },
    },
    {
      name: 'P37: sent anyway: the proxy hands to Push what is for an application, at a Push host or marked so',
      settings: { 'op-a/push': { applications: [{ id: 'org.example.chat', default: ['text/plain'] }] } },
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.pushClient(alice.address, { push: alice.push })]
        const toAlice = inbox(a.agent)
        const way = await findOwnServer({}, { locate: async () => undefined, inDirectory: async () => undefined })
        stage.expect('nothing is known', way.by === 'proxy')
        stage.expect('registered', (await stage.during(c.register())).status === 200)
        const send = async (to: string, headers: readonly (readonly [string, string])[] = []): Promise<number> =>
          (await stage.during(c.message(to, { type: 'text/plain', content: 'hello', headers }))).status
        stage.expect(
          'for an application',
          (await send(`sip:${alice.address}`, [['Push-Application', 'org.example.chat']])) === 200,
        )
        stage.expect('at a Push host', (await send(`sip:${alice.push}`)) === 200)
        stage.expect('marked', (await send(`sip:${alice.push.replace('push.', '')};user=push`)) === 200)
        stage.expect('each once', toAlice.length === 3)
        stage.expect(
          'an unknown application',
          (await send(`sip:${alice.address}`, [['Push-Application', 'org.example.no']])) === 403,
        )
      },
    },
    {
      name: 'P1, P2, P39, P48: client, proxy, Push server, proxy, client: register, then a MESSAGE each way by that flow',
      settings: { 'op-a/push': { store: { accept: 15 } }, 'op-a/push2': { store: { accept: 15 } } },
      async run(stage) {
        const outcomes = await conversation(stage, alice, carol)
        stage.expect(`as straight at the server: ${outcomes}`, outcomes === usualConversation)
      },
    },
    {
      name: 'P38: one configured server for everything: it delivers one message, and hands over the other',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        const by = (to: PushUser): Promise<number> => sendBy(stage, carol, { by: 'table', server: 'sip:push@op-a.example' }, to)
        stage.expect('its own', (await by(alice)) === 200)
        stage.expect('another’s', (await by(bob)) === 200)
        stage.expect('each once', toAlice.length === 1 && toBob.length === 1)
        stage.expect('nobody’s', (await push(stage, a.agent, '0123456789abcdef@push.op-a.example')) === 404)
      },
    },
  ]),
}
