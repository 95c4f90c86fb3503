/** A UE moves from one MME to another; and where the dialplan's rules lead, nobody comes to the proximity server without one (SPEC §3.6). */
import type { Ue } from '../../../elements/ue/index.ts'
import { attached, codeOf, hears, isNear, watching } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

const [first, second] = ['sip:mme1@localhost', 'sip:mme2@localhost']
const alice = 'sip:alice@localhost'

async function ready(stage: Stage, name: string): Promise<Ue> {
  const ue = await attached(stage, name, first)
  const state = await stage.during(ue.requestProximity(['discoverable', 'discoverer']))
  stage.expect(`${name} is granted both roles`, typeof state !== 'number' && state.roles.length === 2)
  return ue
}
/** Whether the first MME knows nothing of alice any more. */
async function isLetGo(stage: Stage): Promise<boolean> {
  return (await stage.operator.temporaryOf('mme1', alice)) === undefined
}
/** Attaches at the second MME with that past, and asks for proximity there. */
async function asksAfter(stage: Stage, name: string, former: object): Promise<number> {
  const ue = await stage.ue(name)
  const body = { type: 'application/vnd.proxima.attach-request+json', content: JSON.stringify({ former }) }
  let status = 0
  const note = (heard: number): void => {
    status ||= heard
  }
  const watch = { accept: [], expires: 600 }
  const listener = { notified: () => note(200), ended: note }
  ue.agent.subscribe({ ...watch, to: second, event: 'attach', body }, listener)
  await stage.until('an answer', () => status > 0)
  if (status !== 200) return status
  status = 0
  ue.agent.subscribe({ ...watch, to: 'sip:prose@localhost', event: 'prose', through: second }, listener)
  return stage.until('an answer', () => status > 0 && status)
}

export const flow: FlowScript = {
  id: 'proximity/mme-moving',
  title: 'Moving to another MME',
  clause: '§3.6',
  network: 'mme.yaml',
  scenarios: [
    {
      name: 'code, relations and standing questions go on; the former MME lets the UE go',
      async run(stage) {
        const [ue, bob, carol] = [await ready(stage, 'alice'), await ready(stage, 'bob'), await ready(stage, 'carol')]
        const watch = await watching(stage, ue, {})
        await hears(stage, ue, bob)
        await stage.until('alice is told of bob', () => isNear(watch.near(), 'bob'))
        const code = codeOf(ue)
        const moved = await stage.during(ue.attach(second))
        stage.expect('an identifier of the second MME', /^sip:s-tmsi-02[0-9a-f]{8}@localhost$/.test(String(moved)))
        await stage.until('the server speaks to her by it', () => ue.state?.device === moved)
        await stage.until('the first has let her go', () => isLetGo(stage), 90)
        stage.expect('the code is the same', codeOf(ue) === code)
        stage.expect('a report goes through the second', (await hears(stage, ue, carol)) === 200)
        await stage.until('and is told', () => isNear(watch.near(), 'bob', 'carol'))
        stage.expect('nothing has ended', watch.ended === undefined)
      },
    },
    {
      name: 'both MMEs are killed: who has moved stays where it is',
      async run(stage) {
        const ue = await ready(stage, 'alice')
        const moved = await stage.during(ue.attach(second))
        await stage.restart()
        stage.expect('the second knows her', (await stage.operator.temporaryOf('mme2', alice)) === moved)
        const near = await stage.during(ue.who())
        stage.expect('she may ask', Array.isArray(near))
      },
    },
    {
      name: 'who does not say again what it can: the former MME does',
      settings: { mme1: { identifier: { code: '01', grace: 1 } } },
      async run(stage) {
        const ue = await ready(stage, 'alice')
        const { temporary } = ue
        stage.expect(
          'her own: the second MME has heard what she can',
          (await asksAfter(stage, 'alice', { temporary, mme: first })) === 200,
        )
        await stage.until('the first lets her go', () => isLetGo(stage), 90)
      },
    },
    {
      name: 'with the identifier of somebody else, or from an MME that is none of the network, nothing comes along',
      async run(stage) {
        const ue = await ready(stage, 'alice')
        const { temporary } = ue
        stage.expect('alice’s', (await asksAfter(stage, 'bob', { temporary, mme: first })) === 403)
        stage.expect('a stranger’s', (await asksAfter(stage, 'carol', { temporary, mme: 'sip:mme@elsewhere.invalid' })) === 403)
        stage.expect('alice is still at the first', (await stage.operator.temporaryOf('mme1', alice)) === temporary)
      },
    },
    {
      name: 'an MME that cannot ask the former one takes the UE at its own word',
      settings: { mme2: { fellows: [] } },
      async run(stage) {
        const ue = await ready(stage, 'alice')
        const code = codeOf(ue)
        const moved = await stage.during(ue.attach(second))
        await stage.until('the server speaks to her by the new identifier', () => ue.state?.device === moved)
        stage.expect('the code is the same', codeOf(ue) === code)
        await stage.until('she has left the first by herself', () => isLetGo(stage))
      },
    },
    {
      name: 'who does not attach is led to the MME by the rules, and refused',
      async run(stage) {
        const ue = await stage.ue('alice')
        stage.expect('not without', (await stage.during(ue.requestProximity(['discoverable']))) === 403)
        stage.expect('nor may it ask', (await stage.during(ue.who())) === 403)
      },
    },
    {
      name: 'an application server that signs in is no UE: its questions go past the MMEs',
      async run(stage) {
        const chess = await stage.ue('chess')
        const ue = await ready(stage, 'alice')
        const bob = await ready(stage, 'bob')
        await hears(stage, ue, bob)
        const application = 'org.example.chess'
        const near = await stage.during(chess.who({ device: alice, application }))
        stage.expect(
          'bob is near alice',
          Array.isArray(near) &&
            isNear(
              near.map(({ device }) => device),
              'bob',
            ),
        )
        const watch = await watching(stage, chess, { device: alice, application })
        bob.endProximity()
        await stage.until('it is told that bob has left', () => watch.near().length === 0)
        stage.expect('it may ask in its own name no more than others', (await stage.during(chess.who())) === 403)
        const carol = await stage.ue('carol')
        stage.expect('a UE has to attach', (await stage.during(carol.who({ device: alice, application }))) === 403)
      },
    },
  ],
}
