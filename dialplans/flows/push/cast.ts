/** Users of the Push flows and their messages. */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { Scenario, Stage } from '../stage/flow.ts'
import type { Operator } from '../stage/operator.ts'

/** Users of `push-two-operators.yaml`, with their Push identifiers where they have one. */
export const alice = { address: 'alice@op-a.example', push: '0a17c5d2e8b9f604@push.op-a.example' }
export const carol = { address: 'carol@op-a.example', push: '3c5e0f91a7b24d68@push.op-a.example' }
export const dave = { address: 'dave@op-a.example' }
export const bob = { address: 'bob@op-b.example', push: '4f3a9c0b12d47e58@push.op-b.example' }
export const mary = {
  address: 'mary@op-b.example',
  push: '7b90e1d23c4fa586@push.op-b.example',
  string: 'mary.k@push.op-b.example',
}

const patience = { store: { accept: 12 } } // seconds: over sockets, a busy machine may take its time for a 200, and a server before waits 16
const patientServers = { 'op-a/push': patience, 'op-a/push2': patience, 'op-b/push': patience, 'op-b/push2': patience }

/** The same scenarios with Push servers that wait long for a device's answer. */
export function patiently(scenarios: readonly Scenario[]): readonly Scenario[] {
  return scenarios.map((scenario) => {
    const own = scenario.settings ?? {}
    const settings = Object.fromEntries(
      Object.entries({ ...own, ...patientServers }).map(([name, more]) => [name, { ...more, ...own[name] }]), // its own go before
    )
    return { ...scenario, settings }
  })
}

/** Bodies of the MESSAGEs that an agent gets, with their senders. */
export function inbox(agent: UserAgent): readonly string[] {
  const got: string[] = []
  agent.onMessage(({ from, body }) => got.push(`${from} ${body}`))
  return got
}

/** A text as a CPIM message (RFC 3862). */
export function cpim(
  from: string,
  to: string,
  wishes = '',
  messageId = 'Xk2v9QmT4r',
): { readonly type: string; readonly content: string } {
  const asked = ['NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${messageId}`, `imdn.Disposition-Notification: ${wishes}`]
  const fields = [
    ...[`From: <sip:${from}>`, `To: <sip:${to}>`, ...(wishes === '' ? [] : asked), ''],
    ...['Content-Type: text/plain; charset=utf-8', '', 'hello'],
  ]
  return { type: 'message/cpim', content: fields.join('\r\n') }
}

/** Leaves the network by unregistering. */
export async function leave(stage: Stage, { agent }: { readonly agent: UserAgent }): Promise<void> {
  stage.expect('unregistered', (await stage.during(agent.register(0))).status === 200)
}

/** Registers again. */
export async function comeBack(stage: Stage, { agent }: { readonly agent: UserAgent }): Promise<void> {
  stage.expect('registered', (await stage.during(agent.register())).status === 200)
}

/** Gives a user that password. */
export async function withPassword(at: Operator, { address }: { readonly address: string }, password: string): Promise<void> {
  const settings = await at.subscriber(`sip:${address}`)
  if (settings === undefined) throw new Error(`there is no ${address}`)
  await at.provision({ ...settings, password })
}

/** Takes a user's Push identifiers out of force. */
export async function revoke(stage: Stage, operator: string, { address }: { readonly address: string }): Promise<void> {
  const at = stage.operatorOf(operator)
  const settings = await at.subscriber(`sip:${address}`)
  if (settings === undefined) throw new Error(`there is no ${address}`)
  await at.provision({ ...settings, push: settings.push?.map((one) => ({ ...one, state: 'revoked' as const })) })
}

/** Status of a Push of that text to a user at a Push host, for an application if one is named. */
export async function pushText(
  stage: Stage,
  agent: UserAgent,
  to: string,
  content: string,
  application?: string,
): Promise<number> {
  const uri = `sip:${to};user=push${application === undefined ? '' : `;app=${application}`}`
  return (await stage.during(agent.message(uri, { type: 'text/plain', content }))).status
}

/** As `pushText`, saying hello. */
export function push(stage: Stage, agent: UserAgent, to: string): Promise<number> {
  return pushText(stage, agent, to, 'hello')
}

/** Status of a Push to who is there now: nothing is stored. */
export async function pushNow(stage: Stage, agent: UserAgent, to: string): Promise<number> {
  const body = { type: 'text/plain', content: 'hello', headers: [['Expires', '0']] } as const
  return (await stage.during(agent.message(`sip:${to};user=push`, body))).status
}

/** Texts of an inbox. */
export const texts = (got: readonly string[]): string => got.map((line) => line.split(' ')[1]).join()
