/** Users of `push-roaming.yaml`, and their Push clients. */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { Scenario, Stage } from '../stage/flow.ts'
import { inbox } from './cast.ts'

/** A user of a third operator. */
export const erin = { address: 'erin@op-c.example', push: '8d21c5d2e8b9f604@push.op-c.example' }

const patience = { store: { accept: 15 } } // seconds: over sockets, a busy machine may take its time for a 200, but no longer than 16
const servers = ['op-a/push', 'op-a/push2', 'op-b/push', 'op-c/push']

/** The same scenarios with Push servers that wait long for a device's answer, unless these say otherwise. */
export function unhurried(scenarios: readonly Scenario[]): readonly Scenario[] {
  const patient = Object.fromEntries(servers.map((name) => [name, patience]))
  return scenarios.map((scenario) => ({ ...scenario, settings: { ...patient, ...scenario.settings } }))
}

/** A Push client that has registered by the proxy of a domain, and the messages that it gets. */
interface Roamer {
  readonly agent: UserAgent
  readonly got: readonly string[]
}

interface RoamingUser {
  readonly address: string
  readonly push: string
}

/** A Push client of a user, registered by the proxy of that domain. */
export async function roamer(stage: Stage, user: RoamingUser, at: string): Promise<Roamer> {
  const client = await pushClient(stage, user, at)
  await registered(stage, client)
  return client
}

/** The same, not registered yet. */
export async function pushClient(stage: Stage, { address, push }: RoamingUser, at: string): Promise<Roamer> {
  const agent = await stage.pushClient(address, { push, at, device: '00000000ca11' })
  return { agent, got: inbox(agent) }
}

export async function registered(stage: Stage, { agent }: Roamer): Promise<void> {
  const { status, warning } = await stage.during(agent.register())
  stage.expect(`${agent.identity} registers: ${status} ${warning ?? ''}`, status === 200)
}
