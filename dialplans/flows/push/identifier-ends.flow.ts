/** Life of Push identifiers: given at REGISTER, short-lived ones on demand, and over at their end (SPEC §5.1). */
import { readBody, writeBody } from '../../../elements/schemas/index.ts'
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, comeBack, cpim, dave, inbox, leave, patiently, push, pushText, texts, withPassword } from './cast.ts'

/** Lets somebody have Push identifiers who has none. */
async function permit(stage: Stage, operator: string, { address }: { readonly address: string }): Promise<void> {
  const at = stage.operatorOf(operator)
  const settings = await at.subscriber(`sip:${address}`)
  if (settings === undefined) throw new Error(`there is no ${address}`)
  await at.provision({ ...settings, permissions: { ...settings.permissions, push: true } })
}

/** `user@host` of the identifier that a subscriber has at the HSS, the last one. */
async function identifierOf(stage: Stage, operator: string, { address }: { readonly address: string }): Promise<string> {
  const settings = await stage.operatorOf(operator).subscriber(`sip:${address}`)
  return `${settings?.push?.at(-1)?.id}@push.${operator}.example`
}

/** A short-lived identifier, or why there is none. */
async function askFor(stage: Stage, agent: UserAgent, server: string, seconds: number): Promise<string> {
  let answer: string | undefined
  agent.onMessage((message) => {
    const { value } = readBody(message, 'push-identifier')
    if (value !== undefined) answer ??= value.id ?? value.cause
  })
  const { content, type } = writeBody('push-identifier-request', { seconds })
  const { status } = await stage.during(agent.message(server, { type, content: String(content) }))
  stage.expect('it is looked into', status === 202)
  return stage.until('the identifier is told', () => answer)
}

export const flow: FlowScript = {
  id: 'push/identifier-ends',
  title: 'Push identifiers are given, and end',
  clause: '§5.1',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P14: who may have an identifier and has none is given one at REGISTER, by the Push server',
      async run(stage) {
        await permit(stage, 'op-a', dave)
        const [b, d] = [await stage.ue(bob.address), await stage.ue(dave.address)]
        const toDave = inbox(d.agent)
        const id = await identifierOf(stage, 'op-a', dave)
        stage.expect('with the flag bits of that server', id.startsWith('0'))
        stage.expect('his device takes it', (await push(stage, b.agent, id)) === 200)
        stage.expect('once', toDave.length === 1)
        await comeBack(stage, d)
        stage.expect('it stays his', (await identifierOf(stage, 'op-a', dave)) === id)
      },
    },
    {
      name: 'P14: the same where the HSS chooses it',
      settings: { 'op-a/push': { allocation: 'hss' } },
      async run(stage) {
        await permit(stage, 'op-a', dave)
        const [b, d] = [await stage.ue(bob.address), await stage.ue(dave.address)]
        const toDave = inbox(d.agent)
        stage.expect('his device takes it', (await push(stage, b.agent, await identifierOf(stage, 'op-a', dave))) === 200)
        stage.expect('once', toDave.length === 1)
      },
    },
    {
      name: 'P15: a short-lived identifier: at its end 404, and what waits has failed',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const [toAlice, toBob] = [inbox(a.agent), inbox(b.agent)]
        const id = await askFor(stage, b.agent, 'sip:push@op-b.example', 20)
        const address = `${id}@push.op-b.example`
        stage.expect('under his operator’s flag bits', id.startsWith('4'))
        stage.expect('his device takes it', (await pushText(stage, a.agent, address, 'now')) === 200)
        await leave(stage, b)
        const waiting = cpim(alice.address, address, 'negative-delivery')
        stage.expect('it waits', (await stage.during(a.agent.message(`sip:${address}`, waiting))).status === 202)
        await stage.until('it has failed', () => toAlice.some((line) => line.includes('<failed/>')), 60)
        stage.expect('nobody has it', (await push(stage, a.agent, address)) === 404)
        await comeBack(stage, b)
        await stage.pass(3)
        stage.expect('he gets no more by it', toBob.filter((line) => line.startsWith(`sip:${alice.address}`)).length === 1)
        stage.expect('his own holds', (await push(stage, a.agent, bob.push)) === 200)
      },
    },
    {
      name: 'P14: who may have none is told so',
      async run(stage) {
        const d = await stage.ue(dave.address)
        stage.expect('refused', (await askFor(stage, d.agent, 'sip:push@op-a.example', 60)) === 'not-permitted')
      },
    },
    {
      name: 'A2: another password ends what the old one registered, over a restart too: its device gets nothing more (SPEC §2.5)',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('taken', (await pushText(stage, a.agent, bob.push, '1')) === 200)
        await withPassword(stage.operatorOf('op-b'), bob, 'another')
        await stage.pass(2)
        stage.expect('stored', (await pushText(stage, a.agent, bob.push, '2')) === 202)
        await stage.restart()
        await stage.until('still stored', async () => (await pushText(stage, a.agent, bob.push, '3')) === 202)
        await stage.pass(6)
        stage.expect('nothing comes', toBob.length === 1)
        stage.expect('nor is it registered', (await stage.during(b.agent.register())).status === 401)
        await withPassword(stage.operatorOf('op-b'), bob, 'bob-proxima')
        await comeBack(stage, b)
        await stage.until('he gets what waited', () => toBob.length >= 3)
        stage.expect('in order', texts(toBob).startsWith('1,2,3'))
      },
    },
  ]),
}
