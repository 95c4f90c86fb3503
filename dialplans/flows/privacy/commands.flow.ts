/** A softphone asks where people are, and says who may know where it is, by text alone (SPEC §8.8). */
import type { UserAgent } from '../../../elements/ue/index.ts'
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alices, locating, withUsualRules } from './cast.ts'

const where = 'sip:where@home.example'

interface Phone {
  readonly agent: UserAgent
  /** Answers by the Call-ID of what they answer. */
  readonly answers: ReadonlyMap<string, string>
}

async function phone(stage: Stage, user: string): Promise<Phone> {
  const { agent } = await stage.ue(user)
  const answers = new Map<string, string>()
  agent.onMessage(({ body, contentType, from, text }) => {
    if (contentType === 'text/plain' && from === where) answers.set(text('In-Reply-To') ?? '', body.toString())
  })
  return { agent, answers }
}

/** Sends a text, and waits for the answer to it. */
async function says(stage: Stage, { agent, answers }: Phone, text: string): Promise<string> {
  const callId = agent.newCallId()
  const { status } = await stage.during(agent.message(where, { type: 'text/plain', content: text }, callId))
  stage.expect(`202 to ${text}`, status === 202)
  return stage.until(`an answer to ${text}`, () => answers.get(callId))
}

const done = /^Done \d\d:\d\d:\d\d\.\d{3}: /

export const flow: FlowScript = {
  id: 'privacy/commands',
  title: 'A softphone asks and answers by text',
  clause: '§8.8',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V34: where am I, where is NAME, who, help; and anything else is help',
      async run(stage) {
        const [a, b] = [await phone(stage, targets.alice), await phone(stage, targets.bob)]
        await withUsualRules(stage, a.agent)
        const own = await says(stage, a, 'Where am I?')
        stage.expect(
          'town, coordinates, metres and a link',
          /^Berlin, Germany\. 52\.5\d{3} N 13\.4\d{3} E, ±100 m\. geo:52\.5\d*,13\.4\d*;u=100$/.test(own),
        )
        const hers = await says(stage, b, 'where is alice')
        stage.expect(
          'to a kilometre, with the town',
          /^alice: Berlin, Germany\. 52\.\d{4} N 13\.\d{4} E, ±1\.3 km\. geo:/.test(hers),
        )
        const who = await says(stage, a, 'who')
        stage.expect('who may', who.startsWith('May: bob (1 km, city, tells you).'))
        stage.expect('who was told', /Told today \(UTC\): .*\bbob\b.* \d\d:\d\d/.test(who))
        const help = await says(stage, a, 'help')
        stage.expect('help', /hide from NAME or all/.test(help))
        stage.expect('anything else', (await says(stage, a, 'Guten Morgen')) === help)
      },
    },
    {
      name: 'V34: hide from NAME and from all: the answer has the time from which nothing is told',
      async run(stage) {
        const [a, b] = [await phone(stage, targets.alice), await phone(stage, targets.bob)]
        await withUsualRules(stage, a.agent)
        const unknown = (await says(stage, b, 'where is nobody')).replace('nobody', 'alice')
        const hidden = await says(stage, a, 'hide from bob')
        stage.expect('done', done.test(hidden) && hidden.endsWith(': bob sees nothing.'))
        stage.expect('nothing, and as if there were nobody', (await says(stage, b, 'where is alice')) === unknown)
        stage.expect('none left', (await says(stage, a, 'who')).startsWith('By your rules nobody else may know where you are.'))
        stage.expect('from all', done.test(await says(stage, a, 'hide from all')))
        stage.expect('herself too', /show me to me exactly/.test(await says(stage, a, 'where am I')))
      },
    },
    {
      name: 'V34: show me to NAME, to so many metres; what holds is the last word, over a restart too',
      async run(stage) {
        const [a, c] = [await phone(stage, targets.alice), await phone(stage, targets.carol)]
        await withUsualRules(stage, a.agent)
        const shown = await says(stage, a, 'show me to carol exactly')
        stage.expect('done', done.test(shown) && shown.endsWith(': carol sees you exactly.'))
        stage.expect('exactly', (await says(stage, c, 'where is alice')).includes('±100 m'))
        await says(stage, a, `show me to sip:${targets.carol} 10 km`)
        stage.expect('to ten kilometres', (await says(stage, c, 'where is alice')).includes('±11 km'))
        await stage.restart()
        const [again, hers] = [await phone(stage, targets.alice), await phone(stage, targets.carol)]
        stage.expect('who', (await says(stage, again, 'who')).startsWith('May: bob (1 km, city, tells you), carol (10 km).'))
        stage.expect('still', (await says(stage, hers, 'where is alice')).includes('±11 km'))
      },
    },
    {
      name: 'who, and stop N: a request that waits has a number, and ends by it',
      async run(stage) {
        const a = await phone(stage, targets.alice)
        await withUsualRules(stage, a.agent)
        const bob = await locating(stage, targets.bob, alices, { type: 'periodic', period: 1 })
        await stage.until('he is told', () => bob.places() > 0)
        const [, number] = /Waiting to be told: .*?(\d+) bob \(again and again\)/.exec(await says(stage, a, 'who')) ?? []
        stage.expect('it has a number', number !== undefined)
        stage.expect('no other has', /^Not done: there is no number 77;/.test(await says(stage, a, 'stop 77')))
        const stopped = await says(stage, a, `stop ${number}`)
        stage.expect('done', done.test(stopped) && stopped.endsWith(': the request of bob (again and again) has ended.'))
        await stage.until('rejected', () => bob.end() === 'rejected')
      },
    },
    {
      name: 'L21: who floods gets 503, and others do not',
      async run(stage) {
        const [a, b] = [await phone(stage, targets.alice), await phone(stage, targets.bob)]
        let refused = 0
        for (let time = 0; time < 60; time++) {
          const { status } = await stage.during(a.agent.message(where, { type: 'text/plain', content: 'help' }))
          if (status === 503) refused++
        }
        stage.expect('refused', refused > 0)
        stage.expect('another is served', (await says(stage, b, 'help')).includes('where is NAME'))
      },
    },
  ],
}
