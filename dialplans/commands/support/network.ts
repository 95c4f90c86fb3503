/** Reads a dialplan and makes its elements and plan, or refuses with every fault: the first step of several commands. */
import { type AssembledNetwork, assemble } from '../../network/assemble.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import { loadDialplan } from '../../network/load.ts'
import { atNode } from '../../network/nodes.ts'
import { refuseFaults } from './refusal.ts'

/** @param node the one of its nodes that this is about; all in one where it is left out */
export function readDialplan(file: string, node?: string): Dialplan {
  const loaded = loadDialplan(file)
  const chosen = loaded.faults === undefined && node !== undefined ? atNode(loaded.value, node) : loaded
  if (chosen.faults !== undefined) throw refuseFaults(chosen.faults)
  return chosen.value
}

export function assembleDialplan(dialplan: Dialplan): AssembledNetwork {
  const assembled = assemble(dialplan)
  if (assembled.faults !== undefined) throw refuseFaults(assembled.faults)
  return assembled.value
}
