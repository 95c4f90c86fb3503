/** Push by HTTP: a program that knows no SIP sends, follows and withdraws (SPEC §5.9). */
import type { FlowScript, Stage } from '../stage/flow.ts'
import type { HttpReply } from '../stage/operator.ts'
import { alice, bob, carol, comeBack, cpim, inbox, leave } from './cast.ts'

const token = 'a-token-of-the-backup'
const authorization = `Bearer ${token}`
const backup = { id: 'org.example.backup', name: 'Backup', token, push: '0b44c5d2e8b9f604' }
const settings = {
  'op-a/push': { http: { anonymous: backup.id }, applications: [backup] },
  'op-a/push2': { applications: [{ id: backup.id }] },
  'op-b/push': { applications: [{ id: backup.id }] },
}

const from = `sip:${backup.push}@push.op-a.example;user=push`

interface Sent {
  readonly to: string
  readonly body: string
  readonly headers?: { readonly [name: string]: string }
}

function post(stage: Stage, { body, headers = {}, to }: Sent): Promise<HttpReply> {
  const question = { method: 'POST', path: `/push/${to}`, headers: { authorization, ...headers }, body }
  return stage.during(stage.operatorOf('op-a').http('push', question))
}

async function stateAt(stage: Stage, { location = '' }: HttpReply): Promise<unknown> {
  const question = { method: 'GET', path: location, headers: { authorization } }
  return (await stage.operatorOf('op-a').http('push', question)).body['state']
}

export const flow: FlowScript = {
  id: 'push/http',
  title: 'A program sends by HTTP',
  clause: '§5.9',
  network: 'push-two-operators.yaml',
  scenarios: [
    {
      name: 'P69: 201 with its place, where its state is followed; headers of ntfy are told',
      settings,
      async run(stage) {
        const a = await stage.ue(alice.address)
        const got: string[] = []
        a.agent.onMessage((message) => {
          const [subject, priority] = [message.text('Subject'), message.text('Priority')]
          got.push(`${message.from}|${subject}|${priority}|${message.body}`)
        })
        const sent = await post(stage, {
          to: 'alice',
          body: 'done',
          headers: { title: 'Nightly', priority: '4', tags: 'disk, ok' },
        })
        stage.expect('her device takes it', sent.status === 201 && sent.body['state'] === 'delivered')
        stage.expect('and that is told', (await stateAt(stage, sent)) === 'delivered')
        stage.expect('as it was sent', got.length === 1 && got[0] === `${from}|Nightly|urgent|Nightly\ndone\n#disk #ok`)
        await leave(stage, a)
        const stored = await post(stage, { to: alice.push.slice(0, 16), body: 'later' })
        stage.expect('stored', stored.status === 201 && stored.body['state'] === 'stored')
        stage.expect('and that is told', (await stateAt(stage, stored)) === 'stored')
        await comeBack(stage, a)
        await stage.until('she gets it', () => got.length > 1)
        await stage.until('it is told', async () => (await stateAt(stage, stored)) === 'delivered')
      },
    },
    {
      name: 'P69: what waits is withdrawn, and never comes',
      settings,
      async run(stage) {
        const a = await stage.ue(alice.address)
        const toAlice = inbox(a.agent)
        await leave(stage, a)
        const [first, second] = [
          await post(stage, { to: 'alice', body: 'first' }),
          await post(stage, { to: 'alice', body: 'second' }),
        ]
        const ended = { method: 'DELETE', path: first.location!, headers: { authorization } }
        stage.expect('withdrawn', (await stage.operatorOf('op-a').http('push', ended)).status === 204)
        stage.expect('and that is told', (await stateAt(stage, first)) === 'withdrawn')
        await comeBack(stage, a)
        await stage.until('she gets the other', () => toAlice.length > 0)
        await stage.until('it is told', async () => (await stateAt(stage, second)) === 'delivered')
        const late = { method: 'DELETE', path: second.location!, headers: { authorization } }
        stage.expect('too late', (await stage.operatorOf('op-a').http('push', late)).status === 409)
        await stage.pass(6)
        stage.expect('one came', toAlice.length === 1)
      },
    },
    {
      name: 'P76: a topic keeps the newest: three while she is away, one comes, two are replaced',
      settings,
      async run(stage) {
        const a = await stage.ue(alice.address)
        const toAlice = inbox(a.agent)
        await leave(stage, a)
        const sent: HttpReply[] = []
        for (const body of ['10%', '20%', '30%'])
          sent.push(await post(stage, { to: 'alice', body, headers: { topic: 'progress' } }))
        stage.expect(
          'all accepted',
          sent.every(({ status }) => status === 201),
        )
        stage.expect(
          'two are replaced',
          (await stateAt(stage, sent[0]!)) === 'replaced' && (await stateAt(stage, sent[1]!)) === 'replaced',
        )
        await comeBack(stage, a)
        await stage.until('she gets one', () => toAlice.length > 0)
        await stage.pass(6)
        stage.expect('the newest', toAlice.length === 1 && toAlice[0]!.endsWith(' 30%'))
      },
    },
    {
      name: 'P69: to another server, and to another operator',
      settings,
      async run(stage) {
        const [b, c] = [await stage.ue(bob.address), await stage.ue(carol.address)]
        const [toBob, toCarol] = [inbox(b.agent), inbox(c.agent)]
        stage.expect('another operator’s', (await post(stage, { to: bob.push, body: 'hello' })).status === 201)
        stage.expect('it came', toBob.join() === `${from} hello`)
        stage.expect('our second server’s', (await post(stage, { to: 'carol', body: 'hello' })).status === 201)
        stage.expect('it came', toCarol.join() === `${from} hello`)
      },
    },
    {
      name: 'A1, PF6: an application writes nobody else into From of a CPIM message: 403, and nobody gets it',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        const send = (to: string, sender: string): Promise<HttpReply> => {
          const { content, type } = cpim(sender, to)
          return post(stage, { to, body: content, headers: { 'content-type': type } })
        }
        for (const { address } of [alice, bob, carol])
          for (const to of ['alice', bob.push]) stage.expect(`as ${address}`, (await send(to, address)).status === 403)
        const own = `${backup.push}@push.op-a.example`
        stage.expect('in its own name', (await send('alice', own)).status === 201 && (await send(bob.push, own)).status === 201)
        await stage.pass(6)
        stage.expect('that came alone', toAlice.length === 1 && toBob.length === 1)
      },
    },
    {
      name: 'PF29: no token 401, unknown user 404, `TTL: 0` and nobody there 503',
      settings,
      async run(stage) {
        const a = await stage.ue(alice.address)
        const ask = (authorization: string) => post(stage, { to: 'alice', body: 'hello', headers: { authorization } })
        stage.expect('a wrong token', (await ask('Bearer another-token-of-theirs')).status === 401)
        stage.expect('nobody', (await post(stage, { to: 'zoe', body: 'hello' })).status === 404)
        stage.expect(
          'no such message',
          (await stateAt(stage, { status: 0, location: '/push/messages/none', body: {} })) === undefined,
        )
        await leave(stage, a)
        stage.expect('now or never', (await post(stage, { to: 'alice', body: 'hello', headers: { ttl: '0' } })).status === 503)
      },
    },
  ],
}
