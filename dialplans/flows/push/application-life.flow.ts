/** Applications: how one comes to send, what its rule lets through, and how it ends (SPEC §5.4). */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, comeBack, dave, inbox, leave, patiently, push, pushText, texts } from './cast.ts'

const service = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg'

/** Status of a Push of an application to a user at a Push host. */
function send(stage: Stage, agent: UserAgent, to: string, application: string, content = 'hello'): Promise<number> {
  return pushText(stage, agent, to, content, application)
}

export const flow: FlowScript = {
  id: 'push/application-life',
  title: 'An application comes to send by Push',
  clause: '§5.4',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P18: applied, examined, approved; before it and after revocation 403 (PF1, PF2)',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        const id = 'org.example.applied'
        const [own, other] = [stage.operatorOf('op-a'), stage.operatorOf('op-b')]
        stage.expect('nobody knows it', (await send(stage, a.agent, bob.push, id)) === 403)
        const requested = await own.application('push', id, 'request', { name: 'Chat' })
        stage.expect('no token, no identifier', requested.token === undefined && requested.push === undefined)
        stage.expect('it may not send yet', (await send(stage, a.agent, bob.push, id)) === 403)
        const approved = await own.application('push', id, 'approve', { sending: 'authenticate', types: ['text/plain'] })
        stage.expect('token and identifier', approved.token !== undefined && /^0[\da-f]{15}$/.test(approved.push ?? ''))
        stage.expect('at the other operator nobody knows it', (await send(stage, a.agent, bob.push, id)) === 403)
        await other.application('push', id, 'request')
        await other.application('push', id, 'approve')
        stage.expect('now it may', (await send(stage, a.agent, bob.push, id)) === 200)
        await own.application('push', id, 'revoke')
        stage.expect('and no more', (await send(stage, a.agent, bob.push, id)) === 403)
        stage.expect('one came', toBob.length === 1)
        stage.expect('who names none is not concerned', (await push(stage, a.agent, carol.push)) !== 403)
      },
    },
    {
      name: 'P18: invited, consented',
      async run(stage) {
        const [a, d] = [await stage.ue(alice.address), await stage.ue(dave.address)] // both of the first server
        const toAlice = inbox(a.agent)
        const id = 'org.example.invited'
        const own = stage.operatorOf('op-a')
        await own.application('push', id, 'invite')
        stage.expect('no consent yet', (await send(stage, d.agent, alice.push, id)) === 403)
        const consented = await own.application('push', id, 'consent')
        stage.expect('token and identifier', consented.token !== undefined && consented.push !== undefined)
        stage.expect('now it may', (await send(stage, d.agent, alice.push, id)) === 200)
        stage.expect('once', toAlice.length === 1)
      },
    },
    {
      name: 'P44: each server asks its own list: revoked at the destination’s alone, it is refused there',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const id = 'org.example.both'
        for (const operator of ['op-a', 'op-b']) {
          await stage.operatorOf(operator).application('push', id, 'request')
          await stage.operatorOf(operator).application('push', id, 'approve')
        }
        stage.expect('there', (await send(stage, a.agent, bob.push, id)) === 200)
        stage.expect('and back', (await send(stage, b.agent, alice.push, id)) === 200)
        await stage.operatorOf('op-b').application('push', id, 'revoke')
        stage.expect('refused at the destination’s', (await send(stage, a.agent, bob.push, id)) === 403)
        stage.expect('refused at the source’s', (await send(stage, b.agent, alice.push, id)) === 403)
        stage.expect('within op-a it may', (await send(stage, a.agent, alice.push, id)) === 200)
      },
    },
    {
      name: 'P20: the other servers of the operator learn it from the one that approved it; revoked, it is refused there too',
      async run(stage) {
        const [a, b, c] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(carol.address)]
        const toCarol = inbox(c.agent)
        const id = 'org.example.told'
        for (const step of ['request', 'approve'] as const) await stage.operatorOf('op-b').application('push', id, step)
        const own = stage.operatorOf('op-a')
        await own.application('push', id, 'invite')
        const { token = '', push: source } = await own.application('push', id, 'consent')
        await stage.until('her server takes it', async () => (await send(stage, a.agent, carol.push, id)) === 200)
        const headers = { authorization: `Bearer ${token}` }
        const question = { method: 'POST', path: '/push/carol', headers, body: 'by HTTP' }
        stage.expect('by HTTP too', (await stage.during(own.http('push', question))).status === 201)
        stage.expect('from its identifier', toCarol.at(-1) === `sip:${source}@push.op-a.example;user=push by HTTP`)
        stage.expect('and from another operator, at her server', (await send(stage, b.agent, carol.push, id)) === 200)
        await own.application('push', id, 'revoke')
        stage.expect('refused', (await send(stage, a.agent, carol.push, id)) === 403)
        const isRefused = async () => (await send(stage, b.agent, carol.push, id)) === 403
        await stage.until('refused at her server, within a second', isRefused, 1)
      },
    },
    {
      name: 'PF3, PF4: a type or size that is not in its rule, 415 and 413',
      settings: { 'op-a/push': { applications: [{ id: 'org.example.rule', types: ['text/plain'], maxBytes: 10 }] } },
      async run(stage) {
        const a = await stage.ue(alice.address)
        const to = `sip:${alice.push};user=push;app=org.example.rule`
        const html = await stage.during(a.agent.message(to, { type: 'text/html', content: '<p>' }))
        stage.expect('another type', html.status === 415)
        stage.expect('too long', (await send(stage, a.agent, alice.push, 'org.example.rule', '01234567890')) === 413)
        stage.expect('within its rule', (await send(stage, a.agent, alice.push, 'org.example.rule', '0123456789')) === 200)
      },
    },
    {
      name: 'PF5: over its rate, 503 with limit, used and reset; later it may again',
      settings: { 'op-a/push': { applications: [{ id: 'org.example.rate', rate: { rate: 0.05, burst: 2 } }] } },
      async run(stage) {
        const a = await stage.ue(alice.address)
        const again = () => send(stage, a.agent, alice.push, 'org.example.rate')
        stage.expect('two at once', (await again()) === 200 && (await again()) === 200)
        const to = `sip:${alice.push};user=push;app=org.example.rate`
        const refused = await stage.during(a.agent.message(to, { type: 'text/plain', content: 'hello' }))
        stage.expect('not three', refused.status === 503)
        stage.expect('it is told why', /limit 2, used 2, reset in \d+ s/.test(refused.warning ?? ''))
      },
    },
    {
      name: 'P19: what waits comes by class: priority, lowest delay, authenticated',
      settings: {
        'op-a/push': {
          applications: (['authenticate', 'min-delay', 'priority'] as const).map((sending) => ({
            id: `org.example.${sending}`,
            sending,
          })),
        },
      },
      async run(stage) {
        const a = await stage.ue(alice.address)
        const d = await stage.ue(dave.address)
        const toAlice = inbox(a.agent)
        await leave(stage, a)
        for (const sending of ['authenticate', 'min-delay', 'priority']) {
          const application = `org.example.${sending}`
          stage.expect('stored', (await send(stage, d.agent, alice.push, application, sending)) === 202)
        }
        await comeBack(stage, a)
        await stage.until('all come', () => toAlice.length >= 3)
        stage.expect('in that order', texts(toAlice) === 'priority,min-delay,authenticate')
      },
    },
    {
      name: 'P7: an RCS client as it is: its service stands for the application; two applications, one binding',
      settings: {
        'op-a/push': {
          applications: [
            { id: 'org.example.rcs', services: [service] },
            { id: 'org.example.text', default: ['text/plain'] },
          ],
        },
      },
      async run(stage) {
        const a = await stage.ue(alice.address)
        const got: string[] = []
        a.agent.onMessage((message) => got.push(`${message.text('Push-Application')} ${message.body}`))
        const rcs = { type: 'text/plain', content: 'rcs', headers: [['P-Preferred-Service', service]] as const }
        const sent = await stage.during(a.agent.message(`sip:${alice.push};user=push`, rcs))
        stage.expect('by its service', sent.status === 200)
        stage.expect('by its type', (await pushText(stage, a.agent, alice.push, 'text')) === 200)
        stage.expect('each is told', got.join() === 'org.example.rcs rcs,org.example.text text')
      },
    },
  ]),
}
