/** Finding of identifiers by a Push client: in time, when it is wanted, or at the server; and what it keeps. */

import { ThirdPartyClient, type UserAgent } from '../../../elements/ue/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, dave, patiently } from './cast.ts'
import { type ClientOnStage, clientOn, questionsOf } from './clients.ts'

const text = { type: 'text/plain', content: 'hello' } as const

/** Gives a subscriber another nickname, listed for all. */
async function callHer(stage: Stage, { address }: { readonly address: string }, nickname: string): Promise<void> {
  const operator = stage.operatorOf('op-a')
  const settings = await operator.subscriber(`sip:${address}`)
  await operator.provision({ ...settings!, directory: { ...settings!.directory, nickname, listed: true } })
}

/** Source, media type, application and body of each MESSAGE that an agent gets. */
function messagesTo(agent: UserAgent): readonly string[] {
  const got: string[] = []
  agent.takeMessages(async (message) => {
    got.push([message.asserted, message.contentType, message.text('Push-Application'), message.body].join(' '))
    return 200
  })
  return got
}

export const flow: FlowScript = {
  id: 'push/finding',
  title: 'A Push client finds identifiers in time, when wanted, or by the server',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P29: found earlier and kept, right before sending, or by the server: behind the last server the MESSAGE is the same',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const asked = questionsOf(a)
        const got = messagesTo(b.agent)
        const [asking, leaving] = [await clientOn(stage, a), await clientOn(stage, a, { places: ['server'] })]
        const send = async (client: (typeof asking)['client']): Promise<string | undefined> => {
          const sent = await stage.during(client.send({ to: 'Bobby', ...text }))
          stage.expect(`taken: ${sent.status}`, sent.status === 200)
          return sent.to
        }
        const wanted = await send(asking.client)
        stage.expect('right before sending', asked.length === 1 && wanted === `sip:${bob.push};user=push`)
        stage.expect('earlier, and kept', (await send(asking.client)) === wanted && asked.length === 1)
        stage.expect(
          'by the server',
          (await send(leaving.client)) === 'sip:Bobby@push.op-a.example;user=push' && asked.length === 1,
        )
        await stage.until('all three', () => got.length === 3)
        stage.expect('the same', new Set(got).size === 1)
      },
    },
    {
      name: 'P30: what is kept is used until its end, over a restart of the client; a changed mapping after that',
      settings: { 'op-a/addressbook': { validity: 60 } },
      async run(stage) {
        const [a, c, d] = [await stage.ue(alice.address), await stage.ue(carol.address), await stage.ue(dave.address)]
        const [toAlice, toCarol] = [messagesTo(a.agent), messagesTo(c.agent)]
        const asked = questionsOf(d)
        const store = memoryStore(stage.clock)
        const send = async ({ client }: ClientOnStage): Promise<void> => {
          const { status } = await stage.during(client.send({ to: 'Caro', ...text }))
          stage.expect(`taken: ${status}`, status === 200)
        }
        const before = await clientOn(stage, d, { store, places: ['network'] })
        await send(before)
        await stage.during(before.client.stop())
        const after = await clientOn(stage, d, { store, places: ['network'] })
        await send(after)
        stage.expect('kept', asked.length === 1)
        await callHer(stage, carol, 'Carola')
        await callHer(stage, alice, 'Caro')
        await send(after)
        stage.expect('still carol', toCarol.length === 3 && toAlice.length === 0 && asked.length === 1)
        await stage.pass(61)
        await send(after)
        stage.expect(
          'asked again: it is alice now',
          Number(toAlice.length) === 1 && toCarol.length === 3 && Number(asked.length) === 2,
        )
      },
    },
    {
      name: 'P28: the source in the network; the application told, in the application, in the client’s file, and in the network',
      settings: {
        'op-a/push': { applications: [{ id: 'org.example.chat' }] },
        'op-b/push': { applications: [{ id: 'org.example.chat' }] },
      },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const got = messagesTo(b.agent)
        const entries = [{ application: 'org.example.chat', name: 'Plauderei' }]
        const { client } = await clientOn(stage, a, { entries })
        const source = await stage.during(client.finder.source())
        stage.expect('her own identifier', source === `sip:${alice.push};user=push`)
        const to = `sip:${bob.push};user=push`
        const own = new ThirdPartyClient({ client, application: 'org.example.chat', received: () => true })
        const ways = ['org.example.chat', { name: 'plauderei' }, { name: 'Chat' }, { content: 'text/plain' }] as const
        const sends = ways.map((application) => () => client.send({ to, ...text, application, cpimFrom: source! }))
        for (const send of [...sends, () => own.send(to, { ...text, cpimFrom: source! })]) {
          const { status } = await stage.during(send())
          stage.expect(`taken: ${status}`, status === 200)
        }
        await stage.until('all arrive', () => got.length === 5)
        const heads = got.map((line) => line.split('DateTime', 1)[0])
        stage.expect('alike', new Set(heads).size === 1 && heads[0]!.includes(`org.example.chat From: <${source}>`))
      },
    },
  ]),
}
