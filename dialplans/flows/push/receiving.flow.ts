/** Reception: the prompt, then the application that runs, or the one that is started with consent; and what is told of it. */
import type { Ue } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, leave, patiently } from './cast.ts'
import { type ClientOnStage, clientOn, desktopApplication, StageDesktop, StageUser, textsFor } from './clients.ts'

const chat = 'org.example.chat'
const viewer = desktopApplication({ id: 'org.example.viewer', name: 'Image Viewer' })
const wishes = ['positive-delivery', 'display'] as const
const twoOperators = {
  'op-a/push': { applications: ['viewer', 'chat'].map((name) => ({ id: `org.example.${name}` })).concat(byKind()) },
  'op-b/push': { applications: ['viewer', 'chat'].map((name) => ({ id: `org.example.${name}` })).concat(byKind()) },
}

function byKind(): { id: string }[] {
  return ['kind:image.viewer', 'image/png'].map((id) => ({ id }))
}

async function clients(
  stage: Stage,
  options: Parameters<typeof clientOn>[2] = {},
): Promise<{ from: ClientOnStage; to: ClientOnStage; bob: Ue }> {
  const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
  return { from: await clientOn(stage, a), to: await clientOn(stage, b, options), bob: b }
}

/** Status of a picture from alice to bob, of which she wants to hear. */
async function picture(stage: Stage, { client }: ClientOnStage, application = viewer.id, content = 'picture'): Promise<number> {
  const push = { to: `sip:${bob.push};user=push`, type: 'image/png', content, application, wishes }
  return (await stage.during(client.send(push))).status
}

/** Receipts that alice got. */
const receiptsOf = ({ receipts }: ClientOnStage): string =>
  receipts
    .map(({ disposition }) => disposition)
    .sort()
    .join()

export const flow: FlowScript = {
  id: 'push/receiving',
  title: 'A Push client hands over what comes',
  clause: '§5.5',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P55, P61: the application runs: a prompt, and it has it; nothing is started; delivered and displayed are told once',
      settings: twoOperators,
      async run(stage) {
        const desktop = new StageDesktop([desktopApplication({ id: chat, types: ['text/plain'] })])
        const { from, to } = await clients(stage, { desktop })
        const got = textsFor(to.client, chat)
        const push = { to: `sip:${bob.push};user=push`, type: 'text/plain', content: 'hello', application: chat, wishes }
        stage.expect('taken', (await stage.during(from.client.send(push))).status === 200)
        await stage.until('it has it', () => got.length > 0)
        stage.expect('with its content', got[0]!.endsWith(' hello'))
        stage.expect('after a prompt', to.notices.length === 1 && to.notices[0]!.application === chat)
        stage.expect('nothing is started', desktop.starts.length === 0)
        await stage.until('she is told', () => from.receipts.length >= 2)
        await stage.pass(6)
        stage.expect('both, once', receiptsOf(from) === 'delivered,displayed' && got.length === 1)
      },
    },
    {
      name: 'P56, P58: the exact one is installed: a prompt, its process, the content',
      settings: twoOperators,
      async run(stage) {
        const steps: string[] = []
        const desktop = new StageDesktop([viewer], { 'image/png': 'org.example.other' })
        const open = desktop.open.bind(desktop)
        desktop.open = (application, files) => {
          steps.push('start')
          return open(application, files)
        }
        const { from } = await clients(stage, { desktop, prompters: [() => void steps.push('prompt')] })
        stage.expect('taken', (await picture(stage, from)) === 200)
        await stage.until('it opens', () => desktop.starts.length > 0)
        stage.expect('the exact one, with the picture', desktop.started === `${viewer.id}: picture`)
        stage.expect('the prompt first', steps.join() === 'prompt,start')
        await stage.until('she is told', () => receiptsOf(from) === 'delivered,displayed')
      },
    },
    {
      name: 'P57, PF24: the user is asked and declines: forbidden, and nothing is started',
      settings: twoOperators,
      async run(stage) {
        const desktop = new StageDesktop([viewer])
        const user = new StageUser('no')
        const { from } = await clients(stage, { desktop, ask: user.answer })
        stage.expect('taken', (await picture(stage, from)) === 200)
        await stage.until('she is told', () => receiptsOf(from) === 'declined,delivered')
        stage.expect('asked once', user.asked.length === 1 && user.asked[0]!.startsWith('Image Viewer for '))
        stage.expect('nothing is started', desktop.starts.length === 0)
      },
    },
    {
      name: 'P57: yes counts once, always for this source; a changed application is asked for anew (A17)',
      settings: twoOperators,
      async run(stage) {
        const desktop = new StageDesktop([viewer])
        const user = new StageUser('yes', 'always')
        const { from } = await clients(stage, { desktop, ask: user.answer })
        const send = async (content: string): Promise<void> => {
          const before = desktop.starts.length
          await picture(stage, from, viewer.id, content)
          await stage.until('it opens', () => desktop.starts.length > before)
          desktop.processes.clear()
          await stage.pass(3)
        }
        await send('1')
        await send('2')
        stage.expect('asked each time', user.asked.length === 2)
        await send('3')
        stage.expect('and not again', user.asked.length === 2)
        desktop.applications = [{ ...viewer, digest: 'another program' }]
        await send('4')
        stage.expect('it is another program', Number(user.asked.length) === 3)
        stage.expect('each once', desktop.started === ['1', '2', '3', '4'].map((text) => `${viewer.id}: ${text}`).join(', '))
      },
    },
    {
      name: 'P59: it is not installed: similar ones in their order, then one that says so itself',
      settings: twoOperators,
      async run(stage) {
        const [second, third] = [
          desktopApplication({ id: 'org.example.second' }),
          desktopApplication({ id: 'org.example.third' }),
        ]
        const own = desktopApplication({ id: 'org.example.own', similar: [viewer.id] })
        const desktop = new StageDesktop([own, third, second], { 'image/png': third.id })
        const similar = ['org.example.first', second.id, third.id]
        const { from } = await clients(stage, { desktop, entries: [{ application: viewer.id, similar }] })
        await picture(stage, from, viewer.id, '1')
        await stage.until('it opens', () => desktop.starts.length === 1)
        desktop.applications = [own, third]
        await stage.pass(3)
        await picture(stage, from, viewer.id, '2')
        await stage.until('it opens', () => desktop.starts.length === 2)
        desktop.applications = [own]
        await stage.pass(3)
        await picture(stage, from, viewer.id, '3')
        await stage.until('it opens', () => desktop.starts.length === 3)
        stage.expect('in that order', desktop.starts.map(([id]) => id).join() === [second.id, third.id, own.id].join())
      },
    },
    {
      name: 'P17, P60: by name, by kind, by media type: the exact one, one of that kind, the default for the type',
      settings: twoOperators,
      async run(stage) {
        const [of, usual] = [
          desktopApplication({ id: 'org.example.album', kinds: ['image.viewer'] }),
          desktopApplication({ id: 'org.example.usual' }),
        ]
        const desktop = new StageDesktop([usual, of, viewer], { 'image/png': usual.id })
        const { from } = await clients(stage, { desktop })
        for (const [i, application] of [viewer.id, 'kind:image.viewer', 'image/png', chat].entries()) {
          await picture(stage, from, application, String(i))
          await stage.until(`${application} opens`, () => desktop.starts.length === i + 1)
          desktop.processes.clear()
          await stage.pass(3)
        }
        const started = desktop.starts.map(([id]) => id)
        stage.expect('each by its case', started.join() === [viewer.id, of.id, usual.id, usual.id].join())
      },
    },
    {
      name: 'P62, PF24: nothing fits: error, the user is told, and the content is kept',
      settings: twoOperators,
      async run(stage) {
        const desktop = new StageDesktop([desktopApplication({ id: 'org.example.player', types: ['audio/*'] })])
        const { from, to } = await clients(stage, { desktop })
        stage.expect('taken', (await picture(stage, from)) === 200)
        await stage.until('she is told', () => receiptsOf(from) === 'delivered,unopened')
        await stage.until('he is told', () => to.notices.length === 1)
        const [notice] = to.notices
        stage.expect('and where it is', notice!.unopened === 'no application' && notice!.file !== undefined)
        stage.expect('it is kept', to.client.unopened().length === 1 && desktop.starts.length === 0)
      },
    },
    {
      name: 'P61: the one that was started still runs: it takes the next itself, or gets it when it has ended',
      settings: twoOperators,
      async run(stage) {
        const one = desktopApplication({ id: 'org.example.viewer', handsOver: true })
        const desktop = new StageDesktop([one])
        const { from } = await clients(stage, { desktop })
        await picture(stage, from, one.id, '1')
        await stage.until('it opens', () => desktop.starts.length === 1)
        await stage.pass(3)
        await picture(stage, from, one.id, '2')
        await stage.until('handed over', () => desktop.starts.length === 2)
        desktop.applications = [{ ...one, handsOver: false }]
        await stage.pass(3)
        await picture(stage, from, one.id, '3')
        await stage.pass(10)
        stage.expect('no second process', Number(desktop.starts.length) === 2)
        desktop.processes.clear()
        await stage.until('once it has ended', () => Number(desktop.starts.length) === 3)
        await stage.until('she is told of all', () => from.receipts.length === 6)
      },
    },
    {
      name: 'a client that is killed hands over once what it took, and tells once (§3.3)',
      settings: twoOperators,
      async run(stage) {
        const {
          bob: b,
          from,
          to,
        } = await clients(stage, { desktop: new StageDesktop([viewer]), ask: () => new Promise(() => {}) })
        stage.expect('taken', (await picture(stage, from)) === 200)
        await stage.until('he is asked', () => to.notices.length > 0)
        const desktop = new StageDesktop([viewer])
        await stage.during(to.client.stop()) // its question is never answered
        const again = await clientOn(stage, b, { desktop, store: to.store })
        await stage.until('it opens', () => desktop.starts.length === 1)
        await stage.during(again.client.stop())
        const third = await clientOn(stage, b, { desktop, store: to.store })
        await stage.until('she is told', () => receiptsOf(from) === 'delivered,displayed')
        await stage.pass(6)
        stage.expect('once', desktop.starts.length === 1 && from.receipts.length === 2 && third.notices.length === 0)
      },
    },
    {
      name: 'receipts wait where nobody takes them, and arrive once; each kind can be switched off',
      settings: twoOperators,
      async run(stage) {
        const { from, to } = await clients(stage, { receipts: { delivery: false, display: true } })
        const got = textsFor(to.client, viewer.id)
        stage.expect('taken', (await picture(stage, from)) === 200)
        await stage.until('it has it', () => got.length === 1)
        await stage.until('she is told', () => from.receipts.length > 0)
        await leave(stage, from.client)
        await stage.pass(6)
        stage.expect('displayed alone', receiptsOf(from) === 'displayed')
      },
    },
  ]),
}
