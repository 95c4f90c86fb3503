/** Reads a dialplan file; every fault in it is told with its line. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { dirname, isAbsolute, join } from 'node:path'
import { canonical, parseUri } from '../signalling/messages/uri.ts'
import type { Rule } from '../signalling/routing/plan.ts'
import {
  type Dialplan,
  type Fault,
  type Outcome,
  type PlannedElement,
  parseListen,
  parsePlace,
  type Settings,
  type Subscriber,
} from './dialplan.ts'
import { type LineOf, validateText } from './validate.ts'

/** The file as the schema admits it. */
interface RawDialplan {
  readonly name: string
  readonly domains: readonly string[]
  readonly listen: readonly string[]
  readonly http?: string
  readonly data?: string
  readonly trusted?: readonly string[]
  readonly elements: { readonly [name: string]: Settings & { readonly role: string } }
  readonly rules?: readonly (Omit<Rule, 'name' | 'line'> & { readonly name?: string })[]
}

interface RawSubscriber extends Subscriber {
  readonly aliases?: readonly string[]
}

/** Reads, checks and completes the dialplan in `file`, with the subscribers of its provisioning file. */
export function loadDialplan(file: string): Outcome<Dialplan> {
  const text = readText(file, 'a dialplan that can be read')
  if (text.faults !== undefined) return text
  const read = validateText(file, text.value, 'dialplan')
  if (read.faults !== undefined) return read
  const raw = read.value.data as RawDialplan
  const { lineOf } = read.value
  const faults: Fault[] = []
  const fault = (line: number, text: string, expected: string): void => void faults.push({ file, line, text, expected })

  const listen = raw.listen.flatMap((text, index) => {
    const listen = parseListen(text)
    if (listen === undefined) fault(lineOf('listen', index), `listen has ${text}`, 'a port of at most 65535')
    return listen ?? []
  })
  const http = raw.http === undefined ? undefined : parsePlace(raw.http)
  if (raw.http !== undefined && http === undefined) fault(lineOf('http'), `http is ${raw.http}`, 'a port of at most 65535')

  const elements = Object.entries(raw.elements).map(([name, { role, ...settings }]) => {
    const line = lineOf('elements', name)
    return { name, role, line, settings: role === 'hss' ? provisioned(file, name, settings, lineOf, faults) : settings }
  })
  onlyOneOf('proxy', elements, fault)
  onlyOneOf('hss', elements, fault)
  const rules = raw.rules?.map((rule, index) => ({
    ...rule,
    name: rule.name ?? `rule ${index + 1}`,
    line: lineOf('rules', index),
  }))
  if (faults.length > 0) return { faults }
  const { name, domains, data = 'data', trusted = [] } = raw
  return { value: { file, name, domains, listen, http, data, trusted, elements, rules } }
}

function readText(file: string, expected: string): Outcome<string> {
  try {
    return { value: readFileSync(file, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'this is a folder' : `it cannot be read (${code})`
    return { faults: [{ file, line: 0, text: why, expected }] }
  }
}

/** The settings with the subscribers of the provisioning file added and each identifier used once. */
function provisioned(file: string, name: string, settings: Settings, lineOf: LineOf, faults: Fault[]): Settings {
  const { provisioning, ...others } = settings
  const here = (settings['subscribers'] as readonly RawSubscriber[] | undefined) ?? []
  const seen = new Map<string, string>()
  checkSubscribers(file, here, (index) => lineOf('elements', name, 'subscribers', index), seen, faults)
  if (typeof provisioning !== 'string') return settings
  const path = isAbsolute(provisioning) ? provisioning : join(dirname(file), provisioning)
  const text = readText(path, 'a file with a list of subscribers')
  const read = text.faults === undefined ? validateText(path, text.value, 'subscribers') : text
  if (read.faults !== undefined) {
    faults.push(...read.faults)
    return others
  }
  const more = read.value.data as readonly RawSubscriber[]
  checkSubscribers(path, more, (index) => read.value.lineOf(index), seen, faults)
  return { ...others, subscribers: [...here, ...more] }
}

function checkSubscribers(
  file: string,
  subscribers: readonly RawSubscriber[],
  lineOf: (index: number) => number,
  seen: Map<string, string>,
  faults: Fault[],
): void {
  for (const [index, { id, aliases = [] }] of subscribers.entries()) {
    for (const text of [id, ...aliases]) {
      const uri = parseUri(text)
      const key = uri === undefined ? text : canonical(uri)
      const owner = seen.get(key)
      if (uri === undefined && isIP(text) === 0 && text.includes(':'))
        faults.push({
          file,
          line: lineOf(index),
          text: `'${text}' is no identifier`,
          expected: 'a URI such as sip:alice@localhost, or an IP address',
        })
      else if (owner !== undefined)
        faults.push({ file, line: lineOf(index), text: `${text} belongs to ${owner} already`, expected: 'each identifier once' })
      seen.set(key, id)
    }
  }
}

function onlyOneOf(
  role: string,
  elements: readonly PlannedElement[],
  fault: (line: number, text: string, expected: string) => void,
): void {
  for (const element of elements.filter((element) => element.role === role).slice(1))
    fault(element.line, `${element.name} is a second ${role}`, `one element of role ${role} a node`)
}
