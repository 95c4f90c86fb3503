/** What several commands do first: read a dialplan and make its elements and plan, or refuse with every fault. */
import { type Assembled, assemble } from '../assemble.ts'
import type { Dialplan } from '../dialplan.ts'
import { loadDialplan } from '../load.ts'
import { refuseFaults } from './refusal.ts'

export function readDialplan(file: string): Dialplan {
  const loaded = loadDialplan(file)
  if (loaded.faults !== undefined) throw refuseFaults(loaded.faults)
  return loaded.value
}

export function assembleDialplan(dialplan: Dialplan): Assembled {
  const assembled = assemble(dialplan)
  if (assembled.faults !== undefined) throw refuseFaults(assembled.faults)
  return assembled.value
}
