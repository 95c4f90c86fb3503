/** A device moves to another ProSe server, and all its applications with it (SPEC §4). */

import { mediaType } from '../../../elements/schemas/index.ts'
import { ApplicationClient } from '../../../elements/ue/index.ts'
import { codeOf, granted, hears, isNear, nearby, watching } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

const second = 'sip:prose2@localhost'

async function registered(stage: Stage, name: string): Promise<ApplicationClient> {
  const { ue } = await granted(stage, name, ['discoverable', 'discoverer'])
  const application = new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby })
  const { cause } = await stage.during(application.registerAutomatically())
  stage.expect(`${name} is registered, not ${cause}`, cause === undefined)
  return application
}

export const flow: FlowScript = {
  id: 'registration/relocation',
  title: 'Moving to another ProSe server',
  clause: '§4',
  network: 'two-prose-servers.yaml',
  scenarios: [
    {
      name: 'the context is fetched, the application server told, the old context released',
      async run(stage) {
        const application = await registered(stage, 'alice')
        const before = application.epuid!
        const { cause } = await stage.during(application.moveTo(second))
        stage.expect(`moved, not ${cause}`, cause === undefined)
        stage.expect('another EPUID', application.epuid !== before)
        // who is near is asked at the second server now, where alice has no service yet
        const there = await granted(stage, 'bob', ['discoverable'])
        stage.expect('bob has a code at the first', codeOf(there.ue).length === 46)
        stage.expect('the user is a user still', Array.isArray(await stage.during(application.who())))
        await stage.pass(1)
        await stage.during(application.moveTo('sip:prose@localhost'))
        stage.expect('and back again', Array.isArray(await stage.during(application.who())))
      },
    },
    {
      name: 'its code at the former server counts no longer, and its service there has ended',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverable', 'discoverer'])
        const application = new ApplicationClient({ agent: alice.agent, clock: stage.clock, application: nearby })
        await stage.during(application.registerAutomatically())
        const { ue: bob } = await granted(stage, 'bob', ['discoverer'])
        const watch = await watching(stage, bob, {})
        const heardCodes = [{ code: codeOf(alice), at: stage.now() }]
        stage.expect('alice counts', (await stage.during(bob.report(heardCodes))).status === 200)
        await stage.until('she is near bob', () => isNear(watch.near(), 'alice'))
        const { cause } = await stage.during(application.moveTo(second))
        stage.expect(`moved, not ${cause}`, cause === undefined)
        await stage.until('her service there has ended', () => alice.state === undefined)
        await stage.until('she is near nobody there', () => watch.near().length === 0)
        const again = await stage.during(bob.report([{ ...heardCodes[0]!, at: stage.now() }]))
        stage.expect('her code is nobody’s', again.status === 404)
      },
    },
    {
      name: 'who asks about a device by its own URI is answered by the server that it is at',
      async run(stage) {
        const alice = await stage.ue('alice', { prose: second })
        const bob = await stage.ue('bob', { prose: second })
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        for (const ue of [alice, bob])
          stage.expect('granted', typeof (await stage.during(ue.requestProximity(['discoverable', 'discoverer']))) === 'object')
        stage.expect('alice hears bob', (await hears(stage, alice, bob)) === 200)
        stage.expect('alice has nothing from the first', (await hears(stage, alice, carol)) === 404)
        const asked: string[] = []
        const watching = alice.agent.subscribe(
          { to: 'sip:alice@localhost', event: 'proximity', accept: [mediaType('proximity-list')], expires: 600 },
          {
            notified: ({ body }) => void asked.push(body.toString()),
            ended: (status) => void asked.push(String(status)),
          },
        )
        await stage.until('bob is near', () => asked.at(-1)?.includes('sip:bob@localhost'))
        stage.expect('bob leaves', (await stage.during(alice.report([], [codeOf(bob)]))).status === 200)
        await stage.until('and is told by the same', () => asked.at(-1)?.includes('"proximate":[]'))
        watching.unsubscribe()
        const near = carol.agent.subscribe(
          { to: 'sip:carol@localhost', event: 'proximity', accept: [mediaType('proximity-list')], expires: 0 },
          { notified: ({ body }) => void asked.push(body.toString()), ended: (status) => void asked.push(String(status)) },
        )
        await stage.until('carol is answered by the first', () =>
          asked.some((text) => text.includes('"device":"sip:carol@localhost"')),
        )
        near.unsubscribe()
      },
    },
    {
      name: 'asked twice, also at once, it is one move; what was bound at the new server stays',
      async run(stage) {
        const application = await registered(stage, 'alice')
        const before = application.epuid!
        const first = 'sip:prose@localhost'
        const moves = await stage.during(Promise.all([1, 2].map(() => application.moveTo(second, before, first))))
        moves.push(await stage.during(application.moveTo(second, before, first)))
        for (const { cause } of moves) stage.expect(`moved, not ${cause}`, cause === undefined)
        stage.expect('one EPUID', new Set(moves.map((move) => (move.cause === undefined ? move.epuid : ''))).size === 1)
        const again = await stage.during(application.registerAutomatically())
        stage.expect(`the same binding: ${again.cause}`, again.cause === undefined)
        stage.expect('a user still', Array.isArray(await stage.during(application.who())))
      },
    },
    {
      name: 'a former EPUID of another device brings nothing along',
      async run(stage) {
        const alice = await registered(stage, 'alice')
        const { ue } = await granted(stage, 'bob', ['discoverer'])
        const thief = new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby })
        const { cause } = await stage.during(thief.moveTo(second, alice.epuid))
        stage.expect(`unknown, not ${cause}`, cause === 'context-unknown')
        stage.expect('alice is where she was', Array.isArray(await stage.during(alice.who())))
      },
    },
    {
      name: 'the former server by its host or address, as the third identifier says it too',
      async run(stage) {
        const application = await registered(stage, 'alice')
        for (const [to, former] of [
          [second, 'prose.localhost'],
          ['sip:prose@localhost', 'sip:prose2@localhost:5060'],
          [second, 'prose.localhost.'],
        ] as const) {
          const { cause } = await stage.during(application.moveTo(to, application.epuid, former))
          stage.expect(`moved from ${former}, not ${cause}`, cause === undefined)
        }
        for (const [prose, expected] of [
          ['prose2.localhost', undefined],
          ['sip:prose2@localhost:5060', undefined],
          ['prose.localhost', 'epuid-unknown'],
          ['prose3.localhost', 'prose-unreachable'],
          ['198.51.100.7', 'prose-unreachable'],
        ] as const) {
          const { cause } = await stage.during(application.registerWith(application.epuid!, {}, prose))
          stage.expect(`${prose}: ${cause}`, cause === expected)
        }
      },
    },
    {
      name: 'from a server that is none of the network nothing is fetched',
      async run(stage) {
        const alice = await registered(stage, 'alice')
        const before = alice.epuid
        const { cause } = await stage.during(alice.moveTo(second, before, 'sip:prose@evil.example'))
        stage.expect(`not fetched: ${cause}`, cause === 'server-unreachable')
        stage.expect('she keeps what she had', alice.epuid === before)
      },
    },
    {
      name: 'an application server that does not believe the new one leaves all as it was',
      settings: { as: { proseServers: [] } },
      async run(stage) {
        const alice = await registered(stage, 'alice')
        const before = alice.epuid
        const { cause } = await stage.during(alice.moveTo(second))
        stage.expect(`not moved: ${cause}`, cause === 'application-server-unreachable')
        stage.expect('she keeps what she had', alice.epuid === before)
        stage.expect('and is a user still', Array.isArray(await stage.during(alice.who())))
        const again = await stage.during(alice.registerAutomatically())
        stage.expect(`at the first server: ${again.cause}`, again.cause === undefined)
      },
    },
  ],
}
