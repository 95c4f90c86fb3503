/** FIG 8: two UEs ask for proximity, one broadcasts its code, the other reports it, and asks who is near (SPEC §3.1–§3.3). */
import { isNear, watching } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

async function twoUes(stage: Stage) {
  const [bob, alice] = [await stage.ue('bob'), await stage.ue('alice')]
  const announced = await stage.during(bob.requestProximity(['discoverable']))
  if (typeof announced === 'number') throw new Error(`bob is refused: ${announced}`)
  const listening = await stage.during(alice.requestProximity(['discoverer']))
  if (typeof listening === 'number') throw new Error(`alice is refused: ${listening}`)
  return { alice, bob, announced, listening, code: announced.announce!.code }
}

export const flow: FlowScript = {
  id: 'proximity/fig-08',
  title: 'Proximity service request and registration of what was heard',
  clause: '§3.1, §3.2',
  scenarios: [
    {
      name: 'a device hears another and is told so',
      async run(stage) {
        const { alice, announced, listening, code } = await twoUes(stage)
        stage.expect('the code is 46 hex digits', /^[0-9a-f]{46}$/.test(code))
        stage.expect('bob is discoverable only', announced.roles.join() === 'discoverable' && announced.monitor === undefined)
        stage.expect('alice has no code', listening.announce === undefined)
        const answer = await stage.during(alice.report([{ code, rssi: -60, at: stage.now() }]))
        stage.expect('the report is taken', answer.status === 200)
        const near = await stage.during(alice.who())
        stage.expect('bob is near alice', Array.isArray(near) && near.length === 1 && near[0].device === 'sip:bob@localhost')
      },
    },
    {
      name: 'no permission: neither role is granted',
      async run(stage) {
        const eve = await stage.ue('eve')
        stage.expect('eve is refused', (await stage.during(eve.requestProximity(['discoverable', 'discoverer']))) === 403)
      },
    },
    {
      name: 'the PCRF refuses one of them',
      settings: { pcrf: { rules: [{ subscribers: ['bob'], decision: 'deny' }] } },
      async run(stage) {
        const [bob, alice] = [await stage.ue('bob'), await stage.ue('alice')]
        stage.expect('bob is refused', (await stage.during(bob.requestProximity(['discoverable']))) === 403)
        stage.expect('bob may not ask either', (await stage.during(bob.who())) === 403)
        stage.expect('alice is not', typeof (await stage.during(alice.requestProximity(['discoverer']))) !== 'number')
      },
    },
    {
      name: 'the PCRF refuses one of them whom its rule names by an alias, in the role that it names',
      settings: {
        hss: {
          subscribers: ['alice', 'bob'].map((name) => ({
            id: `sip:${name}@localhost`,
            password: `${name}-proxima`,
            permissions: { discoverable: true, discoverer: true },
            ...(name === 'bob' ? { aliases: ['tel:+4930222'] } : {}),
          })),
        },
        pcrf: { rules: [{ subscribers: ['tel:+49-30-222'], roles: ['discoverable'], decision: 'deny' }] },
      },
      async run(stage) {
        const [bob, alice] = [await stage.ue('bob'), await stage.ue('alice')]
        stage.expect('bob is refused', (await stage.during(bob.requestProximity(['discoverable']))) === 403)
        const both = await stage.during(bob.requestProximity(['discoverable', 'discoverer']))
        stage.expect('of two roles he has the other', typeof both !== 'number' && both.roles.join() === 'discoverer')
        stage.expect('alice is not', typeof (await stage.during(alice.requestProximity(['discoverable']))) !== 'number')
        await stage.operator.policy([{ subscribers: ['tel:+4930222'], decision: 'deny' }])
        await stage.until('bob’s service has ended', () => bob.state === undefined)
        stage.expect('alice’s goes on', alice.state !== undefined)
      },
    },
    {
      name: 'policy changes while the service runs: it ends, and nobody is near that device any more',
      async run(stage) {
        const { alice, bob, code } = await twoUes(stage)
        await stage.during(alice.report([{ code, at: stage.now() }]))
        const watch = await watching(stage, alice, {})
        stage.expect('bob is near', isNear(watch.near(), 'bob'))
        await stage.operator.policy([{ subscribers: ['bob'], decision: 'deny' }])
        await stage.until('bob’s service has ended', () => bob.state === undefined)
        await stage.until('alice is told that bob has left', () => watch.near().length === 0)
        stage.expect('alice’s goes on', alice.state !== undefined && watch.ended === undefined)
        await stage.operator.policy([])
        stage.expect('bob may again', typeof (await stage.during(bob.requestProximity(['discoverable']))) !== 'number')
      },
    },
    {
      name: 'an unknown code is 404',
      async run(stage) {
        const { alice } = await twoUes(stage)
        const answer = await stage.during(alice.report([{ code: '0'.repeat(46), at: stage.now() }]))
        stage.expect('nobody has that code', answer.status === 404)
      },
    },
    {
      name: 'one known and one unknown code: 200 with a Warning',
      async run(stage) {
        const { alice, code } = await twoUes(stage)
        const at = stage.now()
        const answer = await stage.during(
          alice.report([
            { code, at },
            { code: '0'.repeat(46), at },
          ]),
        )
        stage.expect('the known one is taken', answer.status === 200)
        stage.expect('a Warning tells of the other', answer.warning !== undefined)
      },
    },
    {
      name: 'an expired code is unknown',
      settings: { prose: { code: { lifetime: 4, grace: 1 } } },
      async run(stage) {
        const { alice, bob, code } = await twoUes(stage)
        await stage.until('bob has a new code', () => bob.state !== undefined && bob.state.announce?.code !== code)
        await stage.pass(2)
        const answer = await stage.during(alice.report([{ code, at: stage.now() }]))
        stage.expect('the old code is nobody’s', answer.status === 404)
      },
    },
    {
      name: 'who did not ask to discover may not report',
      async run(stage) {
        const { bob, code } = await twoUes(stage)
        const answer = await stage.during(bob.report([{ code, at: stage.now() }]))
        stage.expect('bob is no discoverer', answer.status === 403)
      },
    },
    {
      name: 'who is not registered is challenged and then refused',
      async run(stage) {
        const { alice, code } = await twoUes(stage)
        await stage.during(alice.agent.register(0))
        const answer = await stage.during(alice.report([{ code, at: stage.now() }]))
        stage.expect('register first', answer.status === 403)
      },
    },
  ],
}
