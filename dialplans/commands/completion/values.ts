/** Values that can be offered for options and arguments, by the command that takes them. */
import { flowIds } from '../../flows/index.ts'
import { type Dialplan, userOf } from '../../network/dialplan.ts'
import { loadOperators } from '../../network/load.ts'
import { subscribersOf } from '../../network/roles.ts'
import { shippedDialplans } from '../../network/shipped.ts'

/** Values that are typed already, by the argument or option they are for: `file`, `--operator`. */
export type TypedValues = ReadonlyMap<string, string>

export interface OfferedValues {
  readonly values?: readonly string[]
  /** Files with one of these endings, too; none: files of any kind. */
  readonly files?: readonly string[]
  /** Folders, too. */
  readonly folders?: true
}

/** @param current the word that is being typed */
type ValueSource = (typed: TypedValues, current: string) => OfferedValues

const captures: ValueSource = () => ({ files: ['pcapng'] })
const folders: ValueSource = () => ({ folders: true })

function dialplans(): OfferedValues {
  return { values: shippedDialplans().map((name) => `${name}.yaml`), files: ['yaml', 'yml'] }
}

/** Dialplans that the line is about; none where its file has faults. */
function meant(typed: TypedValues): readonly Dialplan[] {
  const file = typed.get('dialplan') ?? typed.get('file') ?? typed.get('--dialplan') ?? 'default'
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) return []
  const operator = typed.get('--operator')
  return operator === undefined ? loaded.value : loaded.value.filter((each) => each.operator === operator)
}

function nodes(typed: TypedValues): OfferedValues {
  return { values: meant(typed).flatMap((dialplan) => dialplan.nodes.map(({ name }) => name)) }
}

function operators(typed: TypedValues): OfferedValues {
  return { values: meant(typed).flatMap(({ operator }) => operator ?? []) }
}

function senders(typed: TypedValues): OfferedValues {
  const elements = meant(typed).flatMap((dialplan) => dialplan.elements.map(({ name }) => name))
  return { values: ['outside', 'trusted', ...elements] }
}

/** Figures by their short names; with their services once a slash is typed, or where several have one. */
function flows(_typed: TypedValues, current: string): OfferedValues {
  const ids = flowIds()
  const short = (id: string): string => id.slice(id.indexOf('/') + 1)
  const isAmbiguous = (id: string): boolean => ids.some((other) => other !== id && short(other) === short(id))
  return { values: ids.map((id) => (current.includes('/') || isAmbiguous(id) ? id : short(id))) }
}

/** Subscribers of the network that comes along, whom `ue` plays without further options. */
function users(): OfferedValues {
  return { values: meant(new Map()).flatMap((dialplan) => subscribersOf(dialplan).map(({ id }) => userOf(id))) }
}

/** Users parted by commas: the last is offered. */
function userList(_typed: TypedValues, current: string): OfferedValues {
  const before = current.slice(0, current.lastIndexOf(',') + 1)
  return {
    values: users()
      .values!.filter((name) => !before.split(',').includes(name))
      .map((name) => before + name),
  }
}

function elementUris(): OfferedValues {
  return {
    values: meant(new Map()).flatMap(({ elements, domains }) => elements.map(({ name }) => `sip:${name}@${domains[0]}`)),
  }
}

/** `<command> <argument or option>`, for a subcommand that of its parent. */
export const valueSources: { readonly [taker: string]: ValueSource } = {
  'start dialplan': dialplans,
  'start --node': nodes,
  'start --operator': operators,
  'start --data': folders,
  'start --trace': captures,
  'check file': dialplans,
  'explain file': dialplans,
  'explain --operator': operators,
  'explain --from': senders,
  'health dialplan': dialplans,
  'health --node': nodes,
  'health --operator': operators,
  'hss --dialplan': dialplans,
  'hss --node': nodes,
  'hss --operator': operators,
  'hss --token-file': () => ({ files: [] }),
  'hss file': () => ({ files: ['csv', 'jsonl', 'ndjson'] }),
  'push --dialplan': dialplans,
  'push --node': nodes,
  'push --operator': operators,
  'push --token-file': () => ({ files: [] }),
  'play flow': flows,
  'play --trace': captures,
  'demo --trace': captures,
  'trace file': captures,
  'charging file': () => ({ files: ['jsonl'] }),
  'cert --out': folders,
  'cert --signed-by': folders,
  'ue user': users,
  'ue --data': folders,
  'ue --pair': users,
  'ue --message': users,
  'ue --peers': userList,
  'ue --prose': elementUris,
  'ue --mme': elementUris,
}
