/** Reads a dialplan and makes its elements and plan, or refuses with every fault: the first step of several commands. */
import { type AssembledNetwork, assemble } from '../../network/assemble.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import { loadOperators } from '../../network/load.ts'
import { atNode } from '../../network/nodes.ts'
import { shippedDialplans } from '../../network/shipped.ts'
import { CommandRefusal, refuseFaults } from './refusal.ts'

/** Description of an argument that is a dialplan. */
export const dialplanArgument = `a file, or a dialplan that comes along: ${shippedDialplans().join(', ')}`

/** The part of a dialplan that a command is about. */
interface DialplanChoice {
  /** One of its nodes; left out: all in one. */
  readonly node?: string | undefined
  /** One of its operators; left out: all. */
  readonly operator?: string | undefined
}

/** The dialplans of all operators of a file. */
export function readOperators(file: string): readonly Dialplan[] {
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) throw refuseFaults(loaded.faults)
  return loaded.value
}

/** The one dialplan that a command is about. */
export function readDialplan(file: string, choice: DialplanChoice = {}): Dialplan {
  const [first, ...others] = choose(readOperators(file), choice)
  if (others.length === 0) return first!
  const names = [first!, ...others].map(({ operator }) => operator)
  throw new CommandRefusal(`${file} has several operators; say which by --operator, one of ${names.join(', ')}`)
}

/** Dialplans that are chosen among these: at a node, the only one that has it. */
export function choose(dialplans: readonly Dialplan[], { node, operator }: DialplanChoice): readonly Dialplan[] {
  const [{ file }] = dialplans as readonly [Dialplan]
  const called = operator?.toLowerCase() // names of operators have no upper case
  const named = called === undefined ? dialplans : dialplans.filter((each) => each.operator === called)
  if (named.length === 0) {
    const names = dialplans.flatMap((each) => each.operator ?? [])
    const expected = names.length === 0 ? 'no --operator: this dialplan has one' : `one of ${names.join(', ')}`
    throw refuseFaults([{ file, line: 0, text: `there is no operator ${operator}`, expected }])
  }
  if (node === undefined) return named
  const owner = named.find(({ nodes }) => nodes.some(({ name }) => name === node))
  const chosen = atNode(owner ?? { ...named[0]!, nodes: named.flatMap(({ nodes }) => nodes) }, node)
  if (chosen.faults !== undefined) throw refuseFaults(chosen.faults)
  return [chosen.value]
}

export function assembleDialplan(dialplan: Dialplan): AssembledNetwork {
  const assembled = assemble(dialplan)
  if (assembled.faults !== undefined) throw refuseFaults(assembled.faults)
  return assembled.value
}
