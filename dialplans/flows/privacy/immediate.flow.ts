/** Somebody asks where a target is, and is told at once as much as it may know (SPEC §8.2, §8.4, §8.6). */
import type { PrivacyProfileRule } from '../../../elements/schemas/index.ts'
import { LocationClient, type UserAgent } from '../../../elements/ue/index.ts'
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { register, withUsualRules } from './cast.ts'

const alices = `sip:${targets.alice}`

interface Asker {
  readonly agent: UserAgent
  readonly client: LocationClient
  /** Types of the messages that the UE gets. */
  readonly got: readonly string[]
}

async function asker(stage: Stage, user: string): Promise<Asker> {
  const { agent } = await stage.ue(user)
  const got: string[] = []
  agent.onMessage(({ contentType = '' }) => got.push(contentType.replace(/^.*vnd\.proxima\.|\+json$/g, '')))
  return { agent, client: new LocationClient(agent), got }
}

/** Radius in metres of a document; undefined: it has none. */
function radiusOf(document: string | undefined): number | undefined {
  const [, text] = /<gs:radius[^>]*>([\d.]+)</.exec(document ?? '') ?? []
  return text === undefined ? undefined : Number(text)
}

/** Elements of the civic address of a document, such as `country DE, A3 Berlin`; empty: it has none. */
function civicOf(document: string | undefined): string {
  return [...(document ?? '').matchAll(/<ca:(\w+)>([^<]+)</g)].map(([, name, text]) => `${name} ${text}`).join(', ')
}

export const flow: FlowScript = {
  id: 'privacy/immediate',
  title: 'Somebody asks where a target is',
  clause: '§8.2',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V1, V4: a user asks once: one NOTIFY, as exact as the target allows, and it is told of it (V27: notify)',
      async run(stage) {
        const [a, b] = [await asker(stage, targets.alice), await asker(stage, targets.bob)]
        await withUsualRules(stage, a.agent)
        const { document } = await stage.during(b.client.ask(alices))
        stage.expect('to a kilometre', radiusOf(document) === 1300)
        stage.expect('not how', document?.includes('<gp:method>') === false)
        await stage.until('she is told', () => a.got.includes('privacy-notice'))
      },
    },
    {
      name: 'a target asks for its own place, exactly',
      async run(stage) {
        const a = await asker(stage, targets.alice)
        await withUsualRules(stage, a.agent)
        const { document } = await stage.during(a.client.ask(alices))
        stage.expect('exact', radiusOf(document) === 100 && document?.includes('<gp:method>Cell</gp:method>') === true)
        stage.expect('nobody is told', a.got.length === 0)
      },
    },
    {
      name: 'who has no permission, and who asks for nobody, hear the same',
      async run(stage) {
        const [a, c] = [await asker(stage, targets.alice), await asker(stage, targets.carol)]
        await withUsualRules(stage, a.agent)
        const answers = [await stage.during(c.client.ask(alices)), await stage.during(c.client.ask('sip:nobody@home.example'))]
        stage.expect(
          'rejected',
          answers.every(({ why }) => why === 'rejected'),
        )
      },
    },
    {
      name: 'V13: a permission is given and taken, from the 200 on',
      async run(stage) {
        const [a, c] = [await asker(stage, targets.alice), await asker(stage, targets.carol)]
        const rule = { id: 'carol', who: { one: [`sip:${targets.carol}`] }, mode: 'allow', precision: 10_000 } as const
        stage.expect('told', (await stage.during(a.client.tell(register, { rules: [rule] }))).status === 200)
        stage.expect('to ten kilometres', radiusOf((await stage.during(c.client.ask(alices))).document) === 11_000)
        stage.expect('taken', (await stage.during(a.client.tell(register, { rules: [] }))).status === 200)
        stage.expect('nothing', (await stage.during(c.client.ask(alices))).why === 'rejected')
        const stale = await stage.during(a.client.tell(register, { replaces: 0, rules: [rule] }))
        stage.expect('a stale version changes nothing', stale.status === 412)
      },
    },
    {
      name: 'country, region and town are told as the target allows, and no finer for a coarse asker',
      async run(stage) {
        const [a, c] = [await asker(stage, targets.alice), await asker(stage, targets.carol)]
        const carol = { id: 'carol', who: { one: [`sip:${targets.carol}`] }, mode: 'allow' } as const
        const heard = async (may: Pick<PrivacyProfileRule, 'civic' | 'precision'>) => {
          await stage.during(a.client.tell(register, { rules: [{ ...carol, ...may }] }))
          return stage.during(c.client.ask(alices))
        }
        const exact = await heard({ precision: 'exact', civic: 'country' })
        stage.expect('the country', civicOf(exact.document) === 'country DE')
        const coarse = await heard({ precision: 10_000, civic: 'region' })
        stage.expect('the region', civicOf(coarse.document) === 'country DE, A1 State of Berlin')
        stage.expect('a coarse place beside it', radiusOf(coarse.document) === 11_000)
        const town = await heard({ precision: 1000, civic: 'full' })
        stage.expect('the town', civicOf(town.document) === 'country DE, A1 State of Berlin, A3 Berlin')
        stage.expect('nothing of it', civicOf((await heard({ precision: 'exact' })).document) === '')
        stage.expect('no place, no town', (await heard({ civic: 'city' })).why === 'rejected')
      },
    },
    {
      name: 'V13, V31: a codeword; a wrong one equals no permission',
      async run(stage) {
        const [a, c] = [await asker(stage, targets.alice), await asker(stage, targets.carol)]
        const rule = { id: 'word', codeword: 'Apfelbaum', mode: 'allow', precision: 1000 } as const
        stage.expect('told', (await stage.during(a.client.tell(register, { rules: [rule] }))).status === 200)
        const ask = async (codeword: string) => stage.during(c.client.ask(alices, { codeword }))
        stage.expect('the word', radiusOf((await ask(' Apfelbaum')).document) === 1300)
        stage.expect('another', (await ask('Birnbaum')).why === 'rejected')
        stage.expect('none', (await stage.during(c.client.ask(alices))).why === 'rejected')
      },
    },
    {
      name: 'V27: ask-deny and ask-allow: the target is asked; its answer counts, and the second word where it says nothing',
      async run(stage) {
        const [a, c] = [await asker(stage, targets.alice), await asker(stage, targets.carol)]
        const rule = { id: 'carol', who: { one: [`sip:${targets.carol}`] }, mode: 'ask-deny', precision: 1000 } as const
        const asks = (): number => a.got.filter((type) => type === 'privacy-ask').length
        stage.expect('told', (await stage.during(a.client.tell(register, { rules: [rule] }))).status === 200)
        stage.expect('silence is no', (await stage.during(c.client.ask(alices))).why === 'rejected')
        stage.expect('she was asked', asks() === 1)
        stage.expect(
          'told',
          (await stage.during(a.client.tell(register, { rules: [{ ...rule, mode: 'ask-allow' }] }))).status === 200,
        )
        stage.expect('silence is yes', radiusOf((await stage.during(c.client.ask(alices))).document) === 1300)
        stage.expect('told', (await stage.during(a.client.tell(register, { rules: [rule] }))).status === 200)
        a.client.onAsked(async ({ precision, requestor }) => ({
          answer: precision === 1000 && requestor === `sip:${targets.carol}` ? 'allow' : 'deny',
          remember: 'always',
        }))
        stage.expect('a yes is yes', radiusOf((await stage.during(c.client.ask(alices))).document) === 1300)
        await stage.restart()
        stage.expect('remembered', radiusOf((await stage.during(c.client.ask(alices))).document) === 1300)
        stage.expect('asked once for it', asks() === 3)
      },
    },
  ],
}
