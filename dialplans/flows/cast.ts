/** What several flows need: who plays, and how they get ready. */
import type { ProseState } from '../../elements/schemas/index.ts'
import type { NearChange, NearQuestion, Role, Ue } from '../../elements/ue/index.ts'
import type { Stage } from './flow.ts'

/** An HSS where an application server, itself a registered user `as`, may act for alice (SPEC §2.5). */
export const withApplicationServer = {
  subscribers: ['alice', 'bob', 'carol', 'as', 'mallory'].map((name) => ({
    id: `sip:${name}@localhost`,
    password: `${name}-proxima`,
    permissions: { discoverable: true, discoverer: true },
    ...(name === 'alice' ? { servers: [{ uri: 'sip:as@localhost', application: 'org.example.nearby' }] } : {}),
  })),
}

/** A registered UE with these roles granted. */
export async function granted(stage: Stage, name: string, roles: readonly Role[]): Promise<{ ue: Ue; state: ProseState }> {
  const ue = await stage.ue(name)
  const state = await stage.during(ue.requestProximity(roles))
  if (typeof state === 'number') throw new Error(`${name} is refused: ${state}`)
  return { ue, state }
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

/** What a standing question has told so far. */
export interface Told {
  readonly changes: NearChange[]
  /** Status of the end; undefined while it stands. */
  ended: number | undefined
  readonly near: () => readonly string[]
}

/** Puts a standing question and waits for its first answer. */
export async function watching(stage: Stage, ue: Ue, question: NearQuestion): Promise<Told> {
  const changes: NearChange[] = []
  const told: Told = {
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
      told.ended = status
    },
  )
  await stage.until('the first answer to a standing question', () => changes.length > 0 || told.ended !== undefined)
  return told
}

export function isNear(devices: readonly string[], ...names: readonly string[]): boolean {
  return devices.join() === names.map((name) => `sip:${name}@localhost`).join()
}
