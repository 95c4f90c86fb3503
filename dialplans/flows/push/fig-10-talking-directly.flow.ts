/** FIG 10: a link, a Push, the start of an application, and then two users who talk directly (SPEC §5.7). */
import {
  type DirectTalk,
  type DirectTalkListener,
  DirectTalks,
  type SentPush,
  type TalkEnd,
  type UePushClient,
} from '../../../elements/ue/index.ts'
import { type HostPort, silent } from '../../../signalling/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, mary, patiently } from './cast.ts'
import { clientOn, desktopApplication, StageDesktop, StageUser, textsFor } from './clients.ts'

/** Word that one side of a talk gets. */
class Side implements DirectTalkListener {
  path: HostPort | undefined
  heard = ''
  end: TalkEnd | undefined
  unsent = ''
  sent: SentPush | undefined
  connected(path: HostPort): void {
    this.path = path
  }
  text(text: string): void {
    this.heard += text
  }
  ended(end: TalkEnd, unsent: string): void {
    this.end = end
    this.unsent = unsent
  }
  pushed(sent: SentPush): void {
    this.sent = sent
  }
}

interface Partner {
  readonly client: UePushClient
  readonly talks: DirectTalks
  /** Of the call that comes in. */
  readonly side: Side
  readonly taken: () => DirectTalk | undefined
}

/** A registered user who takes the first call. */
async function partner(
  stage: Stage,
  name: string,
  options: { readonly cutOff?: boolean; readonly desktop?: StageDesktop; readonly user?: StageUser } = {},
): Promise<Partner> {
  const { agent, ids, open, stunServers } = await stage.talker(name, options)
  const { desktop, user } = options
  const on = { ...(desktop === undefined ? {} : { desktop }), ...(user === undefined ? {} : { ask: user.answer }) }
  const { client } = await clientOn(stage, { agent }, on)
  stage.expect(`${name} registers`, (await stage.during(client.register())).status === 200)
  const talks = new DirectTalks({ agent, client, clock: stage.clock, ids, log: silent, open, stunServers })
  const side = new Side()
  let talk: DirectTalk | undefined
  talks.answerBy(async () => (made) => {
    talk = made
    return side
  })
  return { client, talks, side, taken: () => talk }
}

async function call(stage: Stage, { talks }: Partner, to: string): Promise<readonly [DirectTalk, Side]> {
  const side = new Side()
  const talk = await stage.during(talks.call(to, side))
  if ('status' in talk) throw new Error(`${to}: ${talk.status}`)
  return [talk, side]
}

/** Text both ways, and the end by who called. */
async function talk(stage: Stage, [own, side]: readonly [DirectTalk, Side], callee: Partner): Promise<void> {
  await stage.until('there is a path', () => side.path !== undefined && callee.side.path !== undefined)
  own.write('can you see me? ☎')
  callee.taken()!.write('yes')
  await stage.until('both have read', () => side.heard === 'yes' && callee.side.heard === 'can you see me? ☎')
  own.end()
  await stage.until('the other side is told', () => callee.side.end?.why === 'peer')
}

const push = ({ push: identifier }: { readonly push: string }): string => `sip:${identifier};user=push`

export const flow: FlowScript = {
  id: 'push/fig-10',
  title: 'After a Push two users talk directly',
  clause: '§5.7',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P68: a link, the Push, the prompt, the start, and a talk by identifier',
      async run(stage) {
        const desktop = new StageDesktop([desktopApplication({ id: 'org.example.pictures' })], {
          'image/png': 'org.example.pictures',
        })
        const user = new StageUser('yes')
        const a = await partner(stage, alice.address)
        const b = await partner(stage, bob.address, { desktop, user })
        const link = push(bob) // S05: as on a page, or in a QR code
        const sent = await stage.during(a.client.send({ to: link, type: 'image/png', content: 'picture' }))
        stage.expect('S15 to S35: delivered', sent.status === 200)
        await stage.until('S40: he is asked', () => user.asked.length === 1)
        await stage.until('S45: the application starts', () => desktop.started === 'org.example.pictures: picture')
        await talk(stage, await call(stage, b, push(alice)), a) // S50
      },
    },
    {
      name: 'P66: to another server of one’s own operator, by flag bits',
      async run(stage) {
        const [a, c] = [await partner(stage, alice.address), await partner(stage, carol.address)]
        await talk(stage, await call(stage, a, push(carol)), c)
      },
    },
    {
      name: 'P66: by the address of a device, between users who are near each other',
      async run(stage) {
        const [a, c] = [await partner(stage, alice.address), await partner(stage, carol.address)]
        await talk(stage, await call(stage, a, `sip:${carol.address}`), c)
      },
    },
    {
      name: 'P67: no path: BYE no-direct-path after 5 s, and what was written goes as a Push',
      async run(stage) {
        const a = await partner(stage, alice.address, { cutOff: true })
        const b = await partner(stage, bob.address)
        const got = textsFor(b.client, 'org.example.text', ['text/plain'])
        const [talk, side] = await call(stage, a, push(bob))
        talk.write('by whatever way')
        await stage.until('both are told', () => side.end !== undefined && b.side.end !== undefined, 60)
        stage.expect(`why: ${side.end?.why}`, side.end?.why === 'no-direct-path' && b.side.end?.why === 'no-direct-path')
        await stage.until('it goes as a Push', () => side.sent?.status === 200)
        await stage.until('he has it', () => got.length > 0)
        stage.expect(`once: ${got.join()}`, got.join() === `sip:${alice.push} by whatever way`)
      },
    },
    {
      name: 'who blocks the caller, nobody, and one who is away: 403, 404, 480',
      async run(stage) {
        const a = await partner(stage, alice.address)
        const at = stage.operatorOf('op-b')
        const settings = await at.subscriber(`sip:${bob.address}`)
        await at.provision({ ...settings!, watchers: { block: [`sip:${alice.address}`] } })
        await partner(stage, bob.address)
        const wanted = [
          [push(bob), 403],
          ['sip:4f3a9c0b12d47e59@push.op-b.example;user=push', 404],
          [push(mary), 480],
        ] as const
        for (const [to, status] of wanted) {
          const [, side] = await call(stage, a, to)
          const end = await stage.until(`${to} ends`, () => side.end, 60)
          stage.expect(`${to}: ${status}`, end.why === 'refused' && end.answer.status === status)
        }
      },
    },
  ]),
}
