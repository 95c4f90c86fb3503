/**
 * Reading the dialplan again on SIGHUP. Where the file has faults, each is told and the plan that runs stays in force. A fault
 * that only a running operator can find is that operator's: others take their changes.
 */
import type { Log } from '../../../signalling/index.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import type { RunningOperator } from './operator.ts'
import type { ServiceManager } from './service-manager.ts'

interface Reloading {
  readonly operators: readonly RunningOperator[]
  readonly read: () => Promise<readonly Dialplan[]>
  /** Rejects where it names something that is not there. */
  readonly check: (next: Dialplan) => Promise<void>
  readonly manager: ServiceManager
  readonly log: Log
}

/** From now on, one after the other. */
export function reloadOnSignal(reloading: Reloading): void {
  let last = Promise.resolve()
  process.on('SIGHUP', () => {
    last = last.then(async () => {
      reloading.manager.reloading()
      reloading.manager.reloaded(await readAgain(reloading))
    })
  })
}

/** Gives what is not as the file says, in words; undefined: nothing. */
async function readAgain({ operators, read, check, log }: Reloading): Promise<string | undefined> {
  const { file } = operators[0]!.dialplan
  const complaints: string[] = []
  const complain = (error: unknown, operator?: string): void => {
    const text = error instanceof Error ? error.message : String(error)
    const whose = operator === undefined ? '' : ` of operator ${operator}`
    for (const line of text.split('\n')) {
      const complaint = `dialplan${whose} not taken, the one before stays in force: ${line}`
      complaints.push(complaint)
      log.error({ file }, complaint)
    }
  }
  let all: readonly Dialplan[]
  try {
    all = await read()
    for (const next of all) await check(next)
  } catch (error) {
    complain(error)
    return complaints[0]
  }
  const waiting: string[] = []
  let refused = 0
  for (const each of operators) {
    const { operator } = each.dialplan
    const next = all.find((one) => one.operator === operator)
    const prefix = operator === undefined ? '' : `operators.${operator}.`
    try {
      if (next === undefined) waiting.push(`operators.${operator}`)
      else waiting.push(...(await each.reload(next)).map((setting) => prefix + setting))
    } catch (error) {
      complain(error, operator)
      refused++
    }
  }
  if (refused === operators.length) return complaints[0]
  for (const { operator } of all)
    if (!operators.some(({ dialplan }) => dialplan.operator === operator)) waiting.push(`operators.${operator}`)
  log.info({ file }, 'dialplan read again')
  const later = `these changes take effect at the next start: ${waiting.join(', ')}`
  if (waiting.length > 0) log.warn({ waiting }, later)
  return complaints[0] ?? (waiting.length > 0 ? later : undefined)
}
