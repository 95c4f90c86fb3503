/** Users of two operators message each other and watch each other's presence; who is no peer is a stranger (SPEC §2.2, §2.5). */
import type { Ue, UserAgent } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

const alice = 'alice@north.example'
const bob = 'bob@south.example'
const hello = { type: 'text/plain', content: 'hello' }

/** Bodies of the MESSAGEs that an agent gets, with their senders. */
function inbox(agent: UserAgent): readonly string[] {
  const got: string[] = []
  agent.onMessage(({ from, body }) => got.push(`${from} ${body}`))
  return got
}

/** A subscription to somebody's presence. */
interface PresenceWatch {
  /** State of the subscription at each NOTIFY. */
  readonly states: string[]
  /** Status of its end; undefined while it stands. */
  ended: number | undefined
  readonly handle: ReturnType<UserAgent['subscribe']>
}

function watch({ agent }: Pick<Ue, 'agent'>, whom: string): PresenceWatch {
  const watching: { states: string[]; ended: number | undefined } = { states: [], ended: undefined }
  const handle = agent.subscribe(
    { to: `sip:${whom}`, event: 'presence', accept: ['application/pidf+xml'], expires: 600 },
    {
      notified: ({ state }) => watching.states.push(state),
      ended: (status) => {
        watching.ended = status
      },
    },
  )
  return Object.assign(watching, { handle })
}

/** Status of a MESSAGE. */
async function message(stage: Stage, agent: UserAgent, to: string): Promise<number> {
  return (await stage.during(agent.message(`sip:${to}`, hello))).status
}

/** Status with which a subscription to somebody's presence is refused. */
async function refusal(stage: Stage, ue: Ue, whom: string): Promise<number> {
  const watching = watch(ue, whom)
  return stage.until('a refusal', () => watching.ended, 70)
}

export const flow: FlowScript = {
  id: 'operators/peering',
  title: 'Users of two operators',
  clause: '§2.2',
  network: 'two-operators.yaml',
  scenarios: [
    {
      name: 'a MESSAGE and its answer cross, and so do presence, its refresh and its end',
      async run(stage) {
        const [a, b] = [await stage.ue(alice), await stage.ue(bob)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        stage.expect('bob takes it', (await message(stage, a.agent, bob)) === 200)
        stage.expect('alice takes the answer', (await message(stage, b.agent, alice)) === 200)
        stage.expect('bob knows from whom', toBob.join() === `sip:${alice} hello`)
        stage.expect('and so does alice', toAlice.join() === `sip:${bob} hello`)
        const watching = watch(a, bob)
        await stage.until('alice is told of bob', () => watching.states.join() === 'active')
        watching.handle.refresh()
        await stage.until('and again, in the dialog', () => watching.states.length >= 2)
        watching.handle.unsubscribe()
        await stage.until('she unsubscribes', () => watching.ended !== undefined)
        stage.expect('by herself', watching.ended === 200)
      },
    },
    {
      name: 'bob watches alice by her operator, and she him, at the same time',
      async run(stage) {
        const [a, b] = [await stage.ue(alice), await stage.ue(bob)]
        const [his, hers] = [watch(b, alice), watch(a, bob)]
        await stage.until('both are told', () => his.states.length > 0 && hers.states.length > 0)
        for (const { handle } of [his, hers]) handle.refresh()
        await stage.until('both are told again', () => his.states.length > 1 && hers.states.length > 1)
        for (const { handle } of [his, hers]) handle.unsubscribe()
        await stage.until('both are over', () => his.ended === 200 && hers.ended === 200)
      },
    },
    {
      name: 'who is no friend waits, until the presentity’s operator lets him watch',
      async run(stage) {
        const carol = await stage.ue('carol@north.example')
        const watching = watch(carol, bob)
        await stage.until('carol waits', () => watching.states.join() === 'pending')
        const south = stage.operatorOf('south')
        const settings = await south.subscriber(`sip:${bob}`)
        await south.provision({ ...settings!, friends: ['sip:carol@north.example'] })
        await stage.until('she may', () => watching.states.at(-1) === 'active')
        await south.provision({ ...settings!, watchers: { block: ['sip:carol@north.example'] } })
        await stage.until('and may no more', () => watching.ended !== undefined)
      },
    },
    {
      name: 'a user whom nobody has, 404; one who is away, 480',
      async run(stage) {
        const { agent } = await stage.ue(alice)
        stage.expect('nobody', (await message(stage, agent, 'nobody@south.example')) === 404)
        stage.expect('away', (await message(stage, agent, 'dave@south.example')) === 480)
      },
    },
    {
      name: 'without an agreement the own operator relays nothing, 403',
      peers: { north: [], south: [] },
      async run(stage) {
        const [a, b] = [await stage.ue(alice), await stage.ue(bob)]
        const toBob = inbox(b.agent)
        stage.expect('no MESSAGE', (await message(stage, a.agent, bob)) === 403)
        stage.expect('no presence', (await refusal(stage, a, bob)) === 403)
        stage.expect('bob hears nothing', toBob.length === 0)
      },
    },
    {
      name: 'an agreement that one operator alone names is none, 403',
      peers: { north: ['south'], south: [] },
      async run(stage) {
        const [a, b] = [await stage.ue(alice), await stage.ue(bob)]
        stage.expect('not to south', (await message(stage, a.agent, bob)) === 403)
        stage.expect('nor to north', (await message(stage, b.agent, alice)) === 403)
      },
    },
    {
      name: 'who comes straight to the other operator in alice’s name is a stranger, 407',
      async run(stage) {
        const b = await stage.ue(bob)
        const toBob = inbox(b.agent)
        const stranger = await stage.stranger(alice, 'south.example')
        stage.expect('a stranger', (await message(stage, stranger, bob)) === 407)
        stage.expect('bob hears nothing', toBob.length === 0)
      },
    },
    {
      name: 'while the other operator is away nothing arrives; what stood goes on when it is back',
      async run(stage) {
        const [a] = [await stage.ue(alice), await stage.ue(bob)]
        const watching = watch(a, bob)
        await stage.until('alice is told of bob', () => watching.states.length > 0)
        await stage.without('south', async () => {
          const status = await message(stage, a.agent, bob)
          stage.expect(`nobody is there: ${status}`, [408, 480, 500, 503].includes(status))
        })
        const before = watching.states.length
        watching.handle.refresh()
        await stage.until('alice is told again', () => watching.states.length > before)
        stage.expect('it stands', watching.ended === undefined)
      },
    },
  ],
}
