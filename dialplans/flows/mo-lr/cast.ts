/** Users of the MO-LR flows, and how they ask. */
import { writeBody } from '../../../elements/schemas/index.ts'
import { MoLrClient, type MoLrOutcome } from '../../../elements/ue/index.ts'
import type { Stage } from '../stage/flow.ts'

/** Users of `location.yaml`. Carol is not subscribed. */
export const targets = { alice: 'alice@home.example', bob: 'bob@home.example', carol: 'carol@home.example' } as const

/** True places of theirs: longitude and latitude. */
export const truth = { alice: [13.405, 52.52], bob: [151.2111, -33.86] } as const

const cores = { cs: 'sip:msc@home.example', ps: 'sip:sgsn@home.example' } as const

/** A registered user who asks by one domain. */
export async function asker(stage: Stage, user: string, domain: 'cs' | 'ps' = 'ps'): Promise<MoLrClient> {
  const { agent } = await stage.ue(user)
  return new MoLrClient({ agent, clock: stage.clock, domain: 'home.example', isCircuitSwitched: domain === 'cs' })
}

/** A registered user who sends single requests: the status of each, and the text of its Warning. */
export async function core(stage: Stage, user: string, domain: 'cs' | 'ps') {
  const { agent } = await stage.ue(user)
  const send = async (name: 'mo-lr' | 'cm-service-request' | 'cm-release'): Promise<string> => {
    const { status, warning } = await stage.during(agent.message(cores[domain], writeBody(name, {})))
    return warning === undefined ? String(status) : `${status} ${warning}`
  }
  return { send }
}

/** Whether a place is near that point, as near as its radius says; three radii are as far as measuring errs. */
export function isMeasured({ result }: MoLrOutcome, [longitude, latitude]: readonly [number, number]): boolean {
  const { point, radius = 0 } = result?.place ?? {}
  const [east = 0, north = 0] = point?.coordinates ?? []
  const metres = 111_195 // of a degree of latitude
  const across = (east - longitude) * metres * Math.cos((latitude * Math.PI) / 180)
  return radius > 0 && Math.hypot(across, (north - latitude) * metres) <= 3 * radius + 1
}

/** Outcome at the client: `handled`, or the cause, and whether it was passed on. */
export function clientOutcome({ result }: MoLrOutcome): string {
  const { cause, handled, passed } = result?.client ?? {}
  if (handled === true) return 'handled'
  return `${passed === true ? 'passed, ' : ''}${cause}`
}
