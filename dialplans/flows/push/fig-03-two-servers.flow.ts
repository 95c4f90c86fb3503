/** FIG 3: the source's Push server hands over to the destination's, by the flag bits. */
import type { AgentBody } from '../../../elements/ue/index.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, cpim, inbox, mary, patiently, push, pushNow, pushText, revoke, texts } from './cast.ts'

const forbidden = { discoverable: false, discoverer: false }

export const flow: FlowScript = {
  id: 'push/fig-03',
  title: 'A Push through two servers',
  clause: '§5.2',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P42: to another operator, through the source’s server',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('his device takes it', (await push(stage, a.agent, bob.push)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'P43: to another server of the same operator, by flag bits',
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const [toAlice, toCarol] = [inbox(a.agent), inbox(c.agent)]
        stage.expect('hers takes it', (await push(stage, a.agent, carol.push)) === 200)
        stage.expect('once', toCarol.join() === `sip:${alice.address} hello`)
        stage.expect('and back', (await push(stage, c.agent, alice.push)) === 200)
        stage.expect('once', toAlice.join() === `sip:${carol.address} hello`)
      },
    },
    {
      name: 'P43: the same where the table is that of pushroutes; PF17: without it 503, but for its own',
      settings: { 'op-b/push2': { routes: 'sip:pushroutes@192.0.2.9' } },
      async run(stage) {
        const [b, m] = [await stage.ue(bob.address), await stage.ue(mary.address)]
        const [toBob, toMary] = [inbox(b.agent), inbox(m.agent)]
        stage.expect('hers takes it', (await push(stage, b.agent, mary.push)) === 200)
        stage.expect('once', toMary.join() === `sip:${bob.address} hello`)
        stage.expect('hers has no table', (await push(stage, m.agent, bob.push)) === 503)
        stage.expect('and needs none for itself', (await push(stage, m.agent, mary.push)) === 200)
        stage.expect('he got nothing', toBob.length === 0)
      },
    },
    {
      name: 'PF11: the destination’s server is down, 503; when it is back, it is reached',
      settings: { 'op-a/push': { store: { accept: 12 } } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await stage.without('op-b', async () => {
          stage.expect('nobody answers', (await push(stage, a.agent, bob.push)) === 503)
        })
        await stage.until('it is back', async () => (await pushNow(stage, a.agent, bob.push)) === 200)
        stage.expect('once', toBob.length === 1)
      },
    },
    {
      name: 'PF11: with relay: store it is stored, 202, and delivered later, once, in order, over a restart',
      settings: { 'op-a/push': { relay: 'store' } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('his device takes it', (await pushText(stage, a.agent, bob.push, '0')) === 200)
        await stage.without('op-b', async () => {
          for (const text of ['1', '2']) stage.expect('stored', (await pushText(stage, a.agent, bob.push, text)) === 202)
        })
        await stage.restart()
        await stage.until('all arrive', () => toBob.length >= 3, 400)
        await stage.pass(6)
        stage.expect('each once, in order', texts(toBob) === '0,1,2')
        stage.expect(
          'what is refused there is refused',
          (await push(stage, a.agent, '4f3a9c0b12d47e59@push.op-b.example')) === 404,
        )
        const c = await stage.ue(carol.address)
        const toCarol = inbox(c.agent)
        stage.expect('to another server of its own too', (await push(stage, a.agent, carol.push)) === 200)
        stage.expect('once', toCarol.length === 1)
      },
    },
    {
      name: 'A19: flag tables of two servers point at each other: 482 within one round; PF14',
      settings: {
        'op-a/push': { servers: [{ element: 'push2', flags: '0001' }] },
        'op-a/push2': { servers: [{ element: 'push', flags: '0001' }] },
      },
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        const nobodys = { id: 'sip:frank@op-a.example', push: [{ id: '1b2c3d4e5f607182' }] }
        await stage.operatorOf('op-a').provision({ ...nobodys, password: 'frank-proxima', permissions: forbidden })
        await stage.until(
          'it is a loop',
          async () => (await push(stage, agent, `${nobodys.push[0]!.id}@push.op-a.example`)) === 482,
        )
      },
    },
    {
      name: 'P13: by a Push string, to the second server of another operator',
      async run(stage) {
        const [a, m] = [await stage.ue(alice.address), await stage.ue(mary.address)]
        const toMary = inbox(m.agent)
        stage.expect('hers takes it', (await push(stage, a.agent, mary.string)) === 200)
        stage.expect('and the identifier', (await push(stage, a.agent, mary.push)) === 200)
        stage.expect('each once', toMary.length === 2)
      },
    },
    {
      name: 'P45: source and destination are checked at either server: 403 source, 404',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        const asCarol = await stage.during(a.agent.message(`sip:${bob.push}`, cpim(carol.address, bob.push)))
        stage.expect('the source is not who she says', asCarol.status === 403 && asCarol.warning?.startsWith('source:') === true)
        stage.expect('nobody there has it', (await push(stage, a.agent, '4f3a9c0b12d47e59@push.op-b.example')) === 404)
        stage.expect('nobody here has it', (await push(stage, b.agent, '0a17c5d2e8b9f605@push.op-a.example')) === 404)
        stage.expect('of her own server', (await push(stage, a.agent, '0a17c5d2e8b9f605@push.op-a.example')) === 404)
        stage.expect('nobody got anything', toAlice.length + toBob.length === 0)
      },
    },
    {
      name: 'P45: the destination’s server checks by itself, where no server of the source is on the way: 403 source, 404',
      async run(stage) {
        const [a, b, c] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(carol.address)]
        const [toBob, toCarol] = [inbox(b.agent), inbox(c.agent)]
        const hello = { type: 'text/plain', content: 'hello' }
        const send = async (to: string, server: string, body: AgentBody = hello): Promise<string> => {
          const { status, warning = '' } = await stage.during(a.agent.message(`sip:${to};user=push`, body, undefined, server))
          return status < 300 ? String(status) : `${status} ${warning.split(':', 1)[0]}`
        }
        const [theirs, second] = ['sip:push@op-b.example', 'sip:push2@op-a.example']
        stage.expect('one of ours there', (await send(carol.push, second)) === '200')
        stage.expect('as somebody else', (await send(carol.push, second, cpim(carol.address, carol.push))) === '403 source')
        stage.expect('at the peer, as bob', (await send(bob.push, theirs, cpim(bob.address, bob.push))) === '403 source')
        stage.expect('nobody has it', (await send('3c5e0f91a7b24d69@push.op-a.example', second)).startsWith('404 '))
        stage.expect('at the peer', (await send('4f3a9c0b12d47e59@push.op-b.example', theirs)).startsWith('404 '))
        await revoke(stage, 'op-a', carol)
        await stage.until('its HSS says that hers is revoked', async () => (await send(carol.push, second)).startsWith('404 '))
        stage.expect('nobody got what was refused', toBob.length === 0 && toCarol.length === 1)
      },
    },
    {
      name: 'P45: by the destination’s server’s own list of a peer’s flag bits: 403 peer, though the source’s server lets it through',
      settings: { 'op-b/push': { peers: [{ domains: ['op-a.example'], flags: ['0011'], vouches: [] }] } },
      async run(stage) {
        const [a, b, c, m] = [
          await stage.ue(alice.address),
          await stage.ue(bob.address),
          await stage.ue(carol.address),
          await stage.ue(mary.address),
        ]
        const [toBob, toMary] = [inbox(b.agent), inbox(m.agent)]
        const body = { type: 'text/plain', content: 'hello' }
        const refused = await stage.during(a.agent.message(`sip:${bob.push};user=push`, body))
        stage.expect('hers is not on it', refused.status === 403 && refused.warning?.startsWith('peer:') === true)
        stage.expect('carol’s is', (await push(stage, c.agent, bob.push)) === 200)
        stage.expect('another server has a list of its own', (await push(stage, a.agent, mary.push)) === 200)
        stage.expect('each once', toBob.length === 1 && toMary.length === 1)
      },
    },
    {
      name: 'PF6: From of a CPIM message names somebody else, 403; the sender himself, 200',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        const send = async (from: string): Promise<number> =>
          (await stage.during(a.agent.message(`sip:${bob.push}`, cpim(from, bob.push)))).status
        stage.expect('as carol', (await send(carol.address)) === 403)
        stage.expect('as carol’s identifier', (await send(carol.push)) === 403)
        stage.expect('he gets nothing', toBob.length === 0)
        stage.expect('as herself', (await send(alice.address)) === 200)
        stage.expect('by her identifier', (await send(alice.push)) === 200)
        stage.expect('both arrive', toBob.length === 2)
      },
    },
    {
      name: 'PF7: the source’s identifier is revoked, 403; the destination’s, 404',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        await revoke(stage, 'op-b', bob)
        await stage.until('bob is no more', async () => (await push(stage, a.agent, bob.push)) === 404)
        stage.expect('from an ordinary address he may', (await push(stage, b.agent, alice.push)) === 200)
      },
    },
    {
      name: 'PF9, PF10: flag bits of nobody, or of another operator than the host, 404',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        stage.expect('nobody’s', (await push(stage, agent, '8a00c5d2e8b9f604@push.op-a.example')) === 404)
        stage.expect('op-b’s at op-a', (await push(stage, agent, '4f3a9c0b12d47e58@push.op-a.example')) === 404)
        stage.expect('op-a’s at op-b', (await push(stage, agent, '0a17c5d2e8b9f604@push.op-b.example')) === 404)
        stage.expect('no operator', [403, 404].includes(await push(stage, agent, '4f3a9c0b12d47e58@push.op-c.example')))
      },
    },
  ]),
}
