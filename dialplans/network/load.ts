/** Reads a dialplan file; every fault in it is told with its line. */

import { isIP } from 'node:net'
import { dirname, isAbsolute, join } from 'node:path'
import { type ConnectionSettings, type ListeningOptions, type PlanRule, plainHost } from '../../signalling/index.ts'
import {
  type CaptureSettings,
  type Dialplan,
  type DialplanFault,
  type ElementSettings,
  type PlannedElement,
  parsePlace,
  printListen,
  type RateLimitSettings,
  type TlsFiles,
  type ValueOrFaults,
} from './dialplan.ts'
import { type PlaceOf, withFurtherItems } from './further-items.ts'
import { type RawListening, type RawNode, readHttp, readListen, readNodes } from './nodes.ts'
import { checkOperators, operatorParts, type RawFile } from './operators.ts'
import { checkPeers, oneSidedPeers, type RawPeers, readPeers, withPeers } from './peers.ts'
import { checkReferences, isBadAddress, parseNameServer } from './references.ts'
import { roleFaults, surplusElements } from './roles.ts'
import { dialplanFile, shippedDialplans } from './shipped.ts'
import { readText } from './text.ts'
import { unknownNames } from './unknown-names.ts'
import { type AddFault, type LineOf, validateText } from './validate.ts'

/** An operator's part of a file, as the schema admits it. */
interface RawDialplan {
  readonly name: string
  readonly domains: readonly string[]
  readonly listen?: readonly RawListening[]
  readonly nodes?: { readonly [name: string]: RawNode }
  readonly tls?: TlsFiles
  readonly http?: string
  readonly capture?: { readonly hep?: string; readonly mask?: boolean }
  readonly api?: Dialplan['api']
  readonly data?: string
  readonly trusted?: readonly string[]
  readonly peers?: RawPeers
  readonly flags?: number
  readonly widths?: Dialplan['widths']
  readonly limits?: RateLimitSettings
  readonly connections?: ConnectionSettings
  readonly dns?: Dialplan['dns']
  readonly elements: { readonly [name: string]: ElementSettings & { readonly role: string } }
  readonly rules?: readonly (Omit<PlanRule, 'name' | 'line'> & { readonly name?: string })[]
}

interface DialplanReading {
  readonly file: string
  readonly operator: string | undefined
  readonly raw: RawDialplan
  readonly lineOf: LineOf
  readonly fault: AddFault
}

/** Reads, checks and completes a dialplan of one operator. */
export function loadDialplan(file: string): ValueOrFaults<Dialplan> {
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) return loaded
  const [first, ...others] = loaded.value
  if (others.length === 0) return { value: first! }
  const names = loaded.value.flatMap(({ operator }) => operator ?? [])
  return { faults: [{ file, line: 0, text: 'this dialplan has several operators', expected: `one of ${names.join(', ')}` }] }
}

/**
 * Reads, checks and completes the dialplan of each operator in a file, with the subscribers of its provisioning file. What
 * comes with Proxima may be named without its folder.
 */
export function loadOperators(named: string): ValueOrFaults<readonly Dialplan[]> {
  const file = dialplanFile(named)
  const text = readText(file, `a dialplan that can be read, or one that comes along: ${shippedDialplans().join(', ')}`)
  if (text.faults !== undefined) return text
  const read = validateText(file, text.value, 'dialplan')
  if (read.faults !== undefined) return read
  const faults: DialplanFault[] = []
  const fault: AddFault = (line, text, expected) => void faults.push({ file, line, text, expected })
  const parts = operatorParts(read.value.data as RawFile<RawDialplan>, read.value.lineOf, fault)
  const readings = parts.map((part) => ({ ...readOperator({ file, fault, ...part }, faults), lineOf: part.lineOf }))
  checkOperators(readings, fault)
  const dialplans = readings.map(({ dialplan }) => dialplan)
  checkPeers(dialplans, faults)
  if (faults.length > 0) return { faults: inOrder(faults, file) }
  const oneSided = oneSidedPeers(dialplans)
  return {
    value: readings.map(({ dialplan, notes }, index) => {
      const all = [...notes(), ...oneSided.filter(() => index === 0)]
      return { ...withPeers(dialplan, dialplans), ...(all.length === 0 ? {} : { notes: all }) }
    }),
  }
}

interface OperatorReading {
  readonly dialplan: Dialplan
  /** Notes on a dialplan without faults. */
  readonly notes: () => readonly DialplanFault[]
}

function readOperator(reading: DialplanReading, faults: DialplanFault[]): OperatorReading {
  const { file, operator, raw, lineOf, fault } = reading
  const data = raw.data ?? 'data'
  const nodes = readNodes({ raw, data, lineOf, fault })
  if (raw.listen === undefined && raw.nodes === undefined)
    fault(lineOf(), `the ${operator === undefined ? 'dialplan' : `operator ${operator}`} has no 'listen'`, 'listen: …')
  const listen = [...readListen(raw.listen ?? [], ['listen'], lineOf, fault), ...nodes.flatMap((node) => node.listen)]
  const tls = readTls(reading, listen)
  checkTrusted(reading, tls)
  checkNameServers(reading)
  const http = readHttp(raw.http, ['http'], lineOf, fault) ?? nodes.find((node) => node.http !== undefined)?.http
  const capture = raw.capture && readCapture(raw.capture, reading)
  const peers = readPeers({ peers: raw.peers, lineOf, fault })

  const places = new Map<string, PlaceOf>()
  const elements = Object.entries(raw.elements).map(([name, { role, ...given }]): PlannedElement => {
    const { settings, placeOf } = withFurtherItems({ file, name, role, settings: given, lineOf }, faults)
    places.set(name, placeOf)
    return { name, role, line: lineOf('elements', name), settings }
  })
  for (const { name, role, line } of surplusElements(elements))
    fault(line, `${name} is a second ${role}`, `one element of role ${role} a${operator === undefined ? ' node' : 'n operator'}`)
  for (const { element, path, text, expected } of roleFaults({
    elements,
    domains: raw.domains,
    data,
    nodes,
    flags: raw.flags,
    widths: raw.widths,
  }))
    faults.push({ ...places.get(element.name)!(path), text, expected })
  const rules = raw.rules?.map((rule, index) => ({
    ...rule,
    name: rule.name ?? `rule ${index + 1}`,
    line: lineOf('rules', index),
  }))
  checkReferences({ elements, domains: raw.domains, listen, rules: rules ?? [], lineOf, fault })
  const { name, domains, api, trusted = [], limits = {}, connections = {}, dns = {}, flags, widths } = raw
  const dialplan: Dialplan = {
    file,
    ...(operator === undefined ? {} : { operator }),
    name,
    domains,
    listen,
    tls,
    http,
    ...(capture === undefined ? {} : { capture }),
    api,
    data,
    trusted: trusted.map(plainHost),
    peers,
    ...(flags === undefined ? {} : { flags }),
    ...(widths === undefined ? {} : { widths }),
    limits,
    connections,
    dns,
    elements,
    nodes,
    rules,
  }
  return { dialplan, notes: () => unknownNames({ file, elements, domains, rules: rules ?? [], lineOf, places }) }
}

/** The files under `tls`, found from where the dialplan is. */
function readTls({ file, raw, lineOf, fault }: DialplanReading, listen: readonly ListeningOptions[]): TlsFiles | undefined {
  const secure = listen.find(({ transport }) => transport === 'TLS' || transport === 'WSS')
  if (secure !== undefined && raw.tls === undefined)
    fault(lineOf('listen'), `listen has ${printListen(secure)} and there is no tls`, 'tls: { certificate: FILE, key: FILE }')
  if (raw.tls === undefined) return undefined
  const { certificate, key, authorities, requireClient } = raw.tls
  if (requireClient === true && authorities === undefined)
    fault(lineOf('tls', 'requireClient'), 'tls.requireClient has no authorities to judge certificates by', 'authorities: FILE')
  const beside = (path: string): string => (isAbsolute(path) ? path : join(dirname(file), path))
  return {
    ...raw.tls,
    certificate: beside(certificate),
    key: beside(key),
    ...(authorities === undefined ? {} : { authorities: beside(authorities) }),
  }
}

function readCapture(
  { hep: text, ...others }: NonNullable<RawDialplan['capture']>,
  { lineOf, fault }: DialplanReading,
): CaptureSettings {
  const hep = text === undefined ? undefined : parsePlace(text)
  if (text !== undefined && !hep?.port) fault(lineOf('capture', 'hep'), `capture.hep is ${text}`, 'a port from 1 to 65535')
  return hep === undefined ? others : { ...others, hep }
}

/** Peers are trusted by their address, or by a name that a certificate proves. */
function checkTrusted({ raw, lineOf, fault }: DialplanReading, tls: TlsFiles | undefined): void {
  for (const [index, peer] of (raw.trusted ?? []).entries()) {
    const line = lineOf('trusted', index)
    if (isBadAddress(peer)) fault(line, `trusted has ${peer}, which is no IP address`, 'one such as 192.0.2.7')
    else if (isIP(peer) === 0 && tls?.authorities === undefined)
      fault(line, `trusted has ${peer}, which no certificate can prove`, 'an IP address, or tls: { authorities: FILE }')
  }
}

function checkNameServers({ raw, lineOf, fault }: DialplanReading): void {
  const expected = 'an IP address, with a port if not 53, e.g. 192.0.2.53:5353'
  for (const [index, server] of (raw.dns?.servers ?? []).entries())
    if (parseNameServer(server) === undefined) fault(lineOf('dns', 'servers', index), `dns.servers has ${server}`, expected)
}

/** Faults of the dialplan by line, then those of other files. */
function inOrder(faults: readonly DialplanFault[], file: string): readonly DialplanFault[] {
  const here = faults.filter((fault) => fault.file === file)
  return [...here.toSorted((a, b) => a.line - b.line), ...faults.filter((fault) => fault.file !== file)]
}
