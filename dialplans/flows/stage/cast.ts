/** The cast of several flows: UEs and servers, and how they get ready. */
import { type ProseState, writeBody } from '../../../elements/schemas/index.ts'
import {
  ApplicationClient,
  type NearChange,
  type NearQuestion,
  type Ue,
  type UeRole,
  type UserSettings,
} from '../../../elements/ue/index.ts'
import type { Stage } from './flow.ts'

/** An HSS where an application server, itself a registered user `games`, may act for alice (SPEC §2.5). */
export const withApplicationServer = {
  subscribers: ['alice', 'bob', 'carol', 'games', 'mallory'].map((name) => ({
    id: `sip:${name}@localhost`,
    password: `${name}-proxima`,
    permissions: { discoverable: true, discoverer: true },
    ...(name === 'alice' ? { servers: [{ uri: 'sip:games@localhost', application: 'org.example.games' }] } : {}),
  })),
}

/** A registered UE with these roles granted. */
export async function granted(stage: Stage, name: string, roles: readonly UeRole[]): Promise<{ ue: Ue; state: ProseState }> {
  return withRoles(stage, name, await stage.ue(name), roles)
}

const mme = 'sip:mme@localhost'

/** A registered UE that is attached to the MME, with these roles granted. */
export async function grantedThroughMme(
  stage: Stage,
  name: string,
  roles: readonly UeRole[],
): Promise<{ ue: Ue; state: ProseState }> {
  return withRoles(stage, name, await attached(stage, name), roles)
}

async function withRoles(stage: Stage, name: string, ue: Ue, roles: readonly UeRole[]): Promise<{ ue: Ue; state: ProseState }> {
  const state = await stage.during(ue.requestProximity(roles))
  if (typeof state === 'number') throw new Error(`${name} is refused: ${state}`)
  return { ue, state }
}

/** A registered UE that is attached to the MME. */
export async function attached(stage: Stage, name: string, to = mme): Promise<Ue> {
  const ue = await stage.ue(name, { mme: to })
  const temporary = await stage.during(ue.attach())
  if (typeof temporary === 'number') throw new Error(`${name} may not attach: ${temporary}`)
  return ue
}

/** Status of a request with that body, through the MME; standing for a moment, unless `expires` is 0. */
export function askThroughMme(stage: Stage, ue: Ue, event: 'prose' | 'proximity', body: object, expires = 600): Promise<number> {
  const name = event === 'prose' ? 'prose-request' : 'proximity-query'
  const type = `application/vnd.proxima.${name}+json`
  return stage.during(
    new Promise((resolve) => {
      const watch = { to: 'sip:prose@localhost', event, accept: [], expires, through: mme }
      const watching = ue.agent.subscribe(
        { ...watch, body: { type, content: JSON.stringify(body) } },
        {
          notified: () => {
            resolve(200)
            watching.unsubscribe()
          },
          ended: (status) => resolve(status),
        },
      )
    }),
  )
}

/** An application server changes the monitor list of a device (FIG 9). Gives the status. */
export async function trigger(
  stage: Stage,
  by: Ue,
  change: { device: string; set?: string[]; add?: string[]; remove?: string[] },
): Promise<number> {
  const { type, content } = writeBody('prose-monitor', change)
  const { status } = await stage.during(by.agent.message('sip:prose@localhost', { type, content: String(content) }))
  return status
}

/** The code that a UE broadcasts now. */
export function codeOf(ue: Ue): string {
  const code = ue.state?.announce?.code
  if (code === undefined) throw new Error(`${ue.device} has no code`)
  return code
}

/** `hearer` reports `heard`, now. */
export async function hears(stage: Stage, hearer: Ue, heard: Ue): Promise<number> {
  const { status } = await stage.during(hearer.report([{ code: codeOf(heard), rssi: -60, at: stage.now() }]))
  return status
}

/** NOTIFYs of a standing question so far. */
interface NearWatch {
  readonly changes: NearChange[]
  /** Status of the end; undefined while it stands. */
  ended: number | undefined
  readonly near: () => readonly string[]
}

/** Puts a standing question and waits for its first answer. */
export async function watching(stage: Stage, ue: Ue, question: NearQuestion): Promise<NearWatch> {
  const changes: NearChange[] = []
  const watch: NearWatch = {
    changes,
    ended: undefined,
    near: () =>
      changes
        .at(-1)
        ?.proximate.map(({ device }) => device)
        .sort() ?? [],
  }
  ue.watch(
    question,
    (change) => changes.push(change),
    (status) => {
      watch.ended = status
    },
  )
  await stage.until('the first answer to a standing question', () => changes.length > 0 || watch.ended !== undefined)
  return watch
}

export function isNear(devices: readonly string[], ...names: readonly string[]): boolean {
  return devices.join() === names.map((name) => `sip:${name}@localhost`).join()
}

export const nearby = 'org.example.nearby'

/** A user of the application, registered with its server; the device may discover and be discovered. */
export async function member(
  stage: Stage,
  name: string,
  settings: UserSettings = {},
): Promise<{ ue: Ue; application: ApplicationClient }> {
  const { ue } = await granted(stage, name, ['discoverable', 'discoverer'])
  const application = new ApplicationClient({ agent: ue.agent, clock: stage.clock, application: nearby })
  const { status, warning } = await stage.during(application.register(settings))
  stage.expect(`${name} is registered with the application: ${status} ${warning ?? ''}`, status === 200)
  return { ue, application }
}

/** NOTIFYs of a standing question to the application server so far. */
interface UserWatch {
  /** Users near, at each NOTIFY. */
  readonly changes: (readonly string[])[]
  ended: number | undefined
  readonly near: () => string
}

/** Puts it and waits for its first answer. */
export async function watchingUsers(
  stage: Stage,
  application: ApplicationClient,
  feedback?: { period: number },
): Promise<UserWatch> {
  const changes: string[][] = []
  const watch: UserWatch = { changes, ended: undefined, near: () => changes.at(-1)?.join() ?? '' }
  application.watch(
    (near) => changes.push(near.map(({ user }) => user).sort()),
    (status) => {
      watch.ended = status
    },
    feedback,
  )
  await stage.until('the first answer of the application server', () => changes.length > 0 || watch.ended !== undefined)
  return watch
}
