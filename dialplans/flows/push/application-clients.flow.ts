/** Application clients of four kinds on Push clients: RCS, an address book, a third party's, and one for a program that knows no Push. */

import { AddressBookClient, ProxyClient, RcsClient, ThirdPartyClient } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { askRoutes } from '../stage/route-question.ts'
import { alice, bob, patiently } from './cast.ts'
import { type ClientOnStage, clientOn } from './clients.ts'

const [chat, files] = ['urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.filetransfer']
const services = { [chat]: 'org.example.chat', [files]: 'org.example.files' }
const rules = {
  applications: [
    { id: 'org.example.chat', services: [chat] },
    { id: 'org.example.files', services: [files] },
    ...['org.example.game', 'org.example.program'].map((id) => ({ id })),
    { id: 'org.example.rest', default: ['text/*'] },
  ],
}
const settings = { 'op-a/push': rules, 'op-b/push': rules }
const text = { type: 'text/plain', content: 'hello' } as const
const toBob = `sip:${bob.push};user=push`

/** A program that gets Pushes by HTTP, and posts its own; its clock is that of the stage. */
class Program {
  readonly got: string[] = []
  /** Statuses of its answers, one after the other; then 200. */
  answers: number[] = []
  readonly proxy: ProxyClient
  private readonly stage: Stage

  constructor(stage: Stage, { client }: ClientOnStage) {
    this.stage = stage
    const convert = (structure: unknown) => {
      const { say, whom } = structure as { say?: string; whom?: string }
      return say === undefined || whom === undefined
        ? undefined
        : { to: whom, type: 'text/plain', content: say, application: 'org.example.program' }
    }
    this.proxy = new ProxyClient({
      client,
      clock: stage.clock,
      application: 'org.example.program',
      converters: { 'application/json': convert },
      post: async (headers, content) => {
        const status = this.answers.shift() ?? 200
        if (status < 300) this.got.push(`${headers['Push-Application']} ${headers['Content-Type']} ${content}`)
        return status
      },
    })
  }
  /** Status of what it posts. */
  async post(path: string, body: string, headers: { readonly [name: string]: string } = {}): Promise<number> {
    return (await this.stage.during(askRoutes(this.proxy.routes, { method: 'POST', path, headers, body }))).status
  }
}

async function two(stage: Stage): Promise<{ from: ClientOnStage; to: ClientOnStage }> {
  const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
  return { from: await clientOn(stage, a), to: await clientOn(stage, b) }
}

export const flow: FlowScript = {
  id: 'push/application-clients',
  title: 'Application clients of four kinds',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P6, P7: an RCS client: the service stands for the application; two of them by one binding, with receipts',
      settings,
      async run(stage) {
        const { from, to } = await two(stage)
        const got: string[] = []
        const rcs = new RcsClient({ client: from.client, services, received: () => undefined })
        const other = new RcsClient({
          client: to.client,
          services,
          received: ({ push, service, text: said }) =>
            got.push(`${push.application} ${service === chat ? 'chat' : 'files'} ${said}`),
        })
        for (const service of [chat, files])
          stage.expect('taken', (await stage.during(rcs.send('Bobby', 'hello', service))).status === 200)
        await stage.until('both arrive', () => got.length === 2)
        stage.expect(
          'each with its application',
          got.toSorted().join() === 'org.example.chat chat hello,org.example.files files hello',
        )
        await stage.until('both receipts of each', () => from.receipts.length === 4)
        other.end()
      },
    },
    {
      name: 'P6, P8: an address book: who sends has the name that the network knows by the identifier',
      settings,
      async run(stage) {
        const { from, to } = await two(stage)
        const friends: string[] = []
        const book = new AddressBookClient({ client: from.client, friends: [{ uri: toBob, name: 'Bob' }] })
        const other = new AddressBookClient({
          client: to.client,
          friends: [],
          came: (cards) => friends.push(...cards.map(({ name = '' }) => name)),
        })
        const card = `BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice\r\nIMPP:sip:${alice.push};user=push\r\nEND:VCARD\r\n`
        stage.expect('taken', (await stage.during(book.send('Bob', { type: 'text/vcard', content: card }))).status === 200)
        await stage.until('it arrives', () => friends.length === 1)
        const sent = other.send('Alice', text)
        stage.expect('he answers her', (await stage.during(sent)).status === 200)
        await stage.until('she is told', () => from.notices.length === 1)
        stage.expect('by whom', from.notices[0]!.sender === 'Bob Miller')
      },
    },
    {
      name: 'P6, P9: a third party’s application, without a login anywhere: no application server is in this network',
      settings,
      async run(stage) {
        const { from, to } = await two(stage)
        const [got, back]: [string[], string[]] = [[], []]
        const game = new ThirdPartyClient({
          client: from.client,
          application: 'org.example.game',
          received: ({ content }) => back.push(content) > 0,
        })
        const other = new ThirdPartyClient({
          client: to.client,
          application: 'org.example.game',
          received: ({ source }) => got.push(source) > 0,
        })
        stage.expect(
          'taken',
          (await stage.during(game.send(toBob, { type: 'application/x-move', content: 'e4' }))).status === 200,
        )
        await stage.until('it arrives', () => got.length === 1)
        const answer = other.send(got[0]!, { type: 'application/x-move', content: 'e5' })
        stage.expect('and the answer', (await stage.during(answer)).status === 200)
        await stage.until('it arrives', () => back.length === 1)
      },
    },
    {
      name: 'P6, P10: a program that knows no Push: HTTP in, HTTP out, tried again while the program is away',
      settings,
      async run(stage) {
        const { from, to } = await two(stage)
        const [sender, receiver] = [new Program(stage, from), new Program(stage, to)]
        receiver.answers = [503, 503]
        stage.expect('posted', (await sender.post('/push/Bobby', 'done', { title: 'Backup' })) === 201)
        await stage.until('and posted there', () => receiver.got.length === 1)
        stage.expect('as it was', receiver.got[0] === 'org.example.program text/plain; charset=utf-8 Backup\ndone')
        receiver.answers = [400]
        stage.expect('posted', (await sender.post('/push/Bobby', 'nonsense')) === 201)
        await stage.until('he is told that it refuses', () => to.notices.some(({ unopened }) => unopened === 'not started'))
        stage.expect('nobody', (await sender.post('/push/Nobody', 'hello')) === 404)
        stage.expect('from elsewhere', (await sender.post('/push/Bobby', 'hello', { host: 'evil.example' })) === 403)
      },
    },
    {
      name: 'P32: by a library call, by HTTP, by a converter, or as a ready message: the same MESSAGE',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const from = await clientOn(stage, a)
        const got: string[] = []
        b.agent.takeMessages(async ({ asserted, body, contentType, text: header }) => {
          got.push([asserted, header('To'), header('Push-Application'), contentType, body].join(' '))
          return 200
        })
        const program = new Program(stage, from)
        const application = 'org.example.program'
        const plain = { type: 'text/plain; charset=utf-8', content: 'hello' }
        await stage.during(from.client.send({ to: toBob, ...plain, application }))
        await program.post(`/push/${encodeURIComponent(toBob)}`, 'hello')
        await program.post('/push', JSON.stringify({ whom: toBob, say: 'hello' }), { 'content-type': 'application/json' })
        await stage.during(from.client.send({ to: toBob, body: { ...plain, headers: [['Push-Application', application]] } }))
        await stage.until('all four', () => got.length === 4)
        stage.expect('alike', new Set(got).size === 1)
        const cpim = `From: <sip:${alice.address}>\r\nTo: <${toBob}>\r\n\r\nContent-Type: text/plain\r\n\r\nhello`
        const ready = { body: { type: 'message/cpim', content: cpim } }
        const sent = await stage.during(from.client.send(ready))
        stage.expect('the identifier in a field of it', sent.status === 200 && sent.to === toBob)
      },
    },
    {
      name: 'P6: all four on one Push client: each gets its own',
      settings,
      async run(stage) {
        const { from, to } = await two(stage)
        const got: string[] = []
        new RcsClient({ client: to.client, services, received: ({ text: said }) => got.push(`rcs ${said}`) })
        new AddressBookClient({ client: to.client, friends: [], came: () => got.push('book') })
        new ThirdPartyClient({ client: to.client, application: 'org.example.game', received: () => got.push('game') > 0 })
        const program = new Program(stage, to)
        const { client } = from
        const sender = new RcsClient({ client: from.client, services, received: () => undefined })
        const card = `BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice\r\nIMPP:sip:${alice.push};user=push\r\nEND:VCARD\r\n`
        const sends = [
          () => sender.send(toBob, 'hello', chat),
          () => client.send({ to: toBob, type: 'text/vcard', content: card }),
          () => client.send({ to: toBob, ...text, application: 'org.example.game' }),
          () => client.send({ to: toBob, ...text, application: 'org.example.program' }),
        ]
        for (const send of sends) stage.expect('taken', (await stage.during(send())).status === 200)
        await stage.until('all arrive', () => got.length === 3 && program.got.length === 1)
        stage.expect('each its own', got.toSorted().join() === 'book,game,rcs hello')
        const answer = await stage.during(to.client.register())
        stage.expect('one binding', answer.status === 200)
      },
    },
  ]),
}
