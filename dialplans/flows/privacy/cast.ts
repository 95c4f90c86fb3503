/** People of the flows of privacy: who asks to be told later, and alice, whose profile is as usual when she comes. */
import type { LocationRequest, PrivacyProfileRule } from '../../../elements/schemas/index.ts'
import { LocationClient, type LocationNotice, type UserAgent } from '../../../elements/ue/index.ts'
import { targets } from '../mo-lr/cast.ts'
import type { Stage } from '../stage/flow.ts'

export const register = 'sip:ppr@home.example'

/** As `location.yaml` has them. */
const usual: readonly PrivacyProfileRule[] = [
  { id: 'self', who: { one: [`sip:${targets.alice}`] }, mode: 'allow', precision: 'exact', civic: 'full' },
  { id: 'friends', who: { one: [`sip:${targets.bob}`] }, mode: 'notify', precision: 1000, civic: 'city' },
]

/** @param agent that of alice */
export async function withUsualRules(stage: Stage, agent: UserAgent): Promise<void> {
  const { status } = await stage.during(new LocationClient(agent).tell(register, { rules: usual }))
  stage.expect('her profile is as usual', status === 200)
}

export const alices = `sip:${targets.alice}`

/** A request of a user's, and the NOTIFYs about it. */
interface Watch {
  readonly notices: readonly LocationNotice[]
  /** Reports so far that have a place; one that comes again after a restart counts once. */
  places(): number
  /** Reason of the end; undefined: it goes on. */
  end(): string | undefined
  unsubscribe(): void
}

export async function locating(stage: Stage, user: string, target: string, wishes: LocationRequest): Promise<Watch> {
  const { agent } = await stage.ue(user)
  const notices: LocationNotice[] = []
  const handle = new LocationClient(agent).watch(target, wishes, (notice) => notices.push(notice))
  return {
    notices,
    places: () => new Set(notices.flatMap(({ document = '' }) => (document.includes('<gml:pos>') ? [document] : []))).size,
    end: () => notices.findLast(({ state }) => state === 'terminated')?.reason,
    unsubscribe: () => handle.unsubscribe(),
  }
}

/** The core network has it. */
export function isActive({ notices }: Watch): boolean {
  return notices.some(({ state }) => state === 'active')
}

/** ISO time in so many seconds. */
export function later(stage: Stage, seconds: number): string {
  return new Date(stage.now() + seconds * 1000).toISOString()
}

/** She comes, and her profile is as usual. */
export async function targetAlice(stage: Stage): Promise<LocationClient> {
  const { agent } = await stage.ue(targets.alice)
  await withUsualRules(stage, agent)
  return new LocationClient(agent)
}
