/** FIG 6: a standing question to the application server, answered as friends come and go (SPEC §3.5). */
import { codeOf, granted, hears, member, watchingUsers } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-06',
  title: 'Users of an application near a user, as they come and go',
  clause: '§3.5',
  scenarios: [
    {
      name: 'a friend comes, a stranger is not told, the friend goes',
      async run(stage) {
        const alice = await member(stage, 'alice', { friends: ['msn:bob'] })
        const carol = await member(stage, 'carol')
        const watch = await watchingUsers(stage, alice.application)
        stage.expect('nobody is near', watch.near() === '')
        const bob = await member(stage, 'bob', { user: 'msn:bob' })
        await hears(stage, alice.ue, carol.ue)
        await hears(stage, alice.ue, bob.ue)
        await stage.until('bob is near', () => watch.near() === 'msn:bob')
        await stage.during(alice.ue.report([], [codeOf(bob.ue)]))
        await stage.until('bob is gone', () => watch.near() === '')
        stage.expect('carol was never told', !watch.changes.flat().includes('sip:carol@localhost'))
      },
    },
    {
      name: 'who may not be discovered any more is gone at once',
      async run(stage) {
        const alice = await member(stage, 'alice')
        const bob = await member(stage, 'bob')
        const watch = await watchingUsers(stage, alice.application)
        await hears(stage, alice.ue, bob.ue)
        await stage.until('bob is near', () => watch.near() === 'sip:bob@localhost')
        const permissions = { discoverable: false, discoverer: true }
        await stage.during(stage.operator.provision({ id: 'sip:bob@localhost', permissions }))
        await stage.until('bob is gone', () => watch.near() === '')
      },
    },
    {
      name: 'who may not discover any more, or not by this server, is told so and no more',
      settings: { hss: { servers: [] } },
      async run(stage) {
        const permissions = { discoverable: true, discoverer: true }
        const of = (name: string, servers: { uri: string; application: string }[]) =>
          stage.during(stage.operator.provision({ id: `sip:${name}@localhost`, permissions, servers }))
        const granted = [{ uri: 'sip:as@localhost', application: 'org.example.nearby' }]
        await of('alice', granted)
        await of('bob', granted)
        const alice = await member(stage, 'alice')
        const watch = await watchingUsers(stage, alice.application)
        await of('alice', [])
        await stage.until('it has ended', () => watch.ended !== undefined)
        stage.expect('and a new question is refused', (await stage.during(alice.application.who())) === 403)
      },
    },
    {
      name: 'a softphone sees the same as presence of a buddy, without any registration of its own',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const bob = await member(stage, 'bob')
        const seen: string[] = []
        const note = (body: Buffer): string =>
          /<basic>(\w+)<.*?(?:<note[^>]*>(.*?)<|$)/s.exec(String(body))?.slice(1).join(' ') ?? ''
        alice.agent.subscribe(
          { to: 'sip:near-bob@localhost', event: 'presence', accept: ['application/pidf+xml'], expires: 600 },
          { notified: ({ body }) => void seen.push(note(body)), ended: () => undefined },
        )
        await stage.until('bob is not near', () => seen.at(-1)?.startsWith('closed'))
        await hears(stage, alice, bob.ue)
        await stage.until('bob is near', () => /^open nearby since \d{4}-/.test(seen.at(-1) ?? ''))
        await hears(stage, alice, bob.ue)
        await stage.during(alice.report([], [codeOf(bob.ue)]))
        await stage.until('bob is gone', () => seen.at(-1)?.startsWith('closed'))
        stage.expect(
          'nothing was told twice',
          seen.every((one, i) => one !== seen[i - 1]),
        )
      },
    },
    {
      name: 'the question outlives a restart of all servers',
      async run(stage) {
        const alice = await member(stage, 'alice')
        const bob = await member(stage, 'bob')
        await hears(stage, alice.ue, bob.ue)
        const watch = await watchingUsers(stage, alice.application)
        stage.expect('bob is near', watch.near() === 'sip:bob@localhost')
        await stage.restart()
        await stage.during(alice.ue.report([], [codeOf(bob.ue)]))
        await stage.until('bob is gone', () => watch.near() === '')
        stage.expect('the question was not put again', watch.ended === undefined)
      },
    },
  ],
}
