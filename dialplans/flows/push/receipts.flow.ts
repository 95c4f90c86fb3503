/** Receipts (IMDN, RFC 5438) of a Push server, for who asks: stored, failed; each once, and kept for a sender who is away. */
import type { Ue } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, comeBack, cpim, inbox, leave, mary, patiently, push, revoke } from './cast.ts'

const wishes = 'positive-delivery, negative-delivery, processing'

/** Name of a message, another one for each: a receipt that came before is passed over. */
function newMessageId(): string {
  return `Xk2v9Q${++messages}`
}
let messages = 0

async function send(stage: Stage, from: Ue, source: string, to: string, id: string, asked = wishes): Promise<number> {
  return (await stage.during(from.agent.message(`sip:${to}`, cpim(source, to, asked, id)))).status
}

/** A receipt of a client: the user has seen a message. */
function displayed(messageId: string): string {
  const event = '<display-notification><status><displayed/></status></display-notification>'
  return `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${messageId}</message-id>${event}</imdn>`
}

/** Number of receipts about a message with a disposition. */
function count(got: readonly string[], disposition: string, id: string): number {
  return got.filter((line) => line.includes(`<message-id>${id}</message-id>`) && line.includes(`<${disposition}/>`)).length
}

export const flow: FlowScript = {
  id: 'push/receipts',
  title: 'Receipts of what was stored and what failed',
  clause: '§5.5',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'stored, told to who asks for it; nothing to who does not',
      async run(stage) {
        const id = newMessageId()
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        await leave(stage, b)
        stage.expect('stored', (await send(stage, a, alice.address, bob.push, id)) === 202)
        await stage.until('she is told', () => count(toAlice, 'stored', id) > 0)
        stage.expect('by bob’s server', toAlice[0]!.startsWith('sip:push@op-b.example '))
        stage.expect('stored too', (await send(stage, a, alice.address, bob.push, newMessageId(), 'negative-delivery')) === 202)
        stage.expect('and without wishes', (await push(stage, a.agent, bob.push)) === 202)
        await comeBack(stage, b)
        await stage.until('he gets all three', () => toBob.length === 3)
        await stage.pass(6)
        stage.expect('once', toAlice.length === 1)
      },
    },
    {
      name: 'PF20: what expires has failed',
      async run(stage) {
        const id = newMessageId()
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toAlice = inbox(a.agent)
        await leave(stage, b)
        stage.expect('stored', (await send(stage, a, alice.address, bob.push, id)) === 202)
        await revoke(stage, 'op-b', bob)
        await stage.until('she is told', () => count(toAlice, 'failed', id) > 0)
        await stage.pass(6)
        stage.expect('each once', count(toAlice, 'stored', id) === 1 && toAlice.length === 2)
      },
    },
    {
      name: 'P73: receipts wait for a sender who is away, and arrive at his next REGISTER, once',
      async run(stage) {
        const id = newMessageId()
        const [a, b, c] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(carol.address)]
        const [toAlice, toCarol] = [inbox(a.agent), inbox(c.agent)]
        await leave(stage, b)
        stage.expect('alice’s is stored', (await send(stage, a, alice.address, bob.push, id, 'negative-delivery')) === 202)
        stage.expect('carol’s is stored', (await send(stage, c, carol.address, bob.push, id, 'negative-delivery')) === 202)
        await leave(stage, a)
        await revoke(stage, 'op-b', bob)
        await stage.until('carol is told', () => count(toCarol, 'failed', id) > 0)
        stage.expect('alice is not there', toAlice.length === 0)
        await comeBack(stage, a)
        await stage.until('alice is told', () => count(toAlice, 'failed', id) > 0)
        await stage.pass(6)
        stage.expect('once', toAlice.length === 1 && toCarol.length === 1)
      },
    },
    {
      name: 'A12: a receipt of who has the message goes through, once; forged, or about an unknown message, 403',
      async run(stage) {
        const id = newMessageId()
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [c, m] = [await stage.ue(carol.address), await stage.ue(mary.address)]
        const toAlice = inbox(a.agent)
        stage.expect('bob has it', (await send(stage, a, alice.address, bob.push, id, 'display')) === 200)
        const tell = async ({ agent }: Ue, messageId = id): Promise<number> =>
          (await stage.during(agent.message(`sip:${alice.push}`, { type: 'message/imdn+xml', content: displayed(messageId) })))
            .status
        stage.expect('carol has not', (await tell(c)) === 403)
        stage.expect('nor has mary, of his operator', (await tell(m)) === 403)
        stage.expect('nor he any other', (await tell(b, 'another')) === 403)
        stage.expect('alice is told nothing', toAlice.length === 0)
        stage.expect('he has', (await tell(b)) === 200)
        stage.expect('and says it again', (await tell(b)) === 200)
        await stage.pass(6)
        stage.expect('once', toAlice.length === 1 && toAlice[0]!.includes('<displayed/>'))
      },
    },
    {
      name: 'who is blocked gets 403, and `forbidden` for what waits: it never comes',
      async run(stage) {
        const id = newMessageId()
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const [toAlice, toCarol] = [inbox(a.agent), inbox(c.agent)]
        await leave(stage, a)
        stage.expect('stored', (await send(stage, c, carol.address, alice.push, id, 'negative-delivery')) === 202)
        const at = stage.operatorOf('op-a')
        const settings = await at.subscriber(`sip:${alice.address}`)
        await at.provision({ ...settings!, watchers: { block: [`sip:${carol.address}`] } })
        await stage.until('carol is told', () => count(toCarol, 'forbidden', id) > 0)
        stage.expect('and refused', (await push(stage, c.agent, alice.push)) === 403)
        await comeBack(stage, a)
        await stage.pass(6)
        stage.expect('nothing came, and it was told once', toAlice.length === 0 && toCarol.length === 1)
      },
    },
    {
      name: 'a restart of the servers loses no receipt',
      async run(stage) {
        const id = newMessageId()
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        await leave(stage, b)
        stage.expect('stored', (await send(stage, a, alice.address, bob.push, id)) === 202)
        await stage.restart()
        await comeBack(stage, a)
        await stage.until('she is told', () => count(toAlice, 'stored', id) > 0)
        await comeBack(stage, b)
        await stage.until('he gets it', () => toBob.length > 0)
        await stage.pass(6)
        stage.expect('each once', toAlice.length === 1 && toBob.length === 1)
      },
    },
  ]),
}
