/**
 * Session descriptions that cross to another operator (SPEC §2.6, §5.7). Addresses inside our network and our homes say
 * nothing there. Lines are changed one by one: all else goes on as it was written.
 */
import { isIP } from 'node:net'
import { isPublicAddress } from '../shared/http/public-address.ts'

interface Place {
  readonly host: string
  readonly port: string
}

const candidate = /^a=candidate:\s*\S+\s+(\d+)\s+(\S+)\s+\d+\s+(\S+)\s+(\d+)\s+typ\s+\S+/i
const anyCandidate = /^a=candidate:./i
const related = /(\sraddr\s+)(\S+)(?:\s+rport\s+\d+)?/i
const connection = /^(c=\s*IN\s+IP[46]\s+)([^\s/]+)(.*)/i
const origin = /^(o=\S+\s+\S+\s+\S+\s+IN\s+IP[46]\s+)(\S+)(.*)/i
const media = /^(m=\S+\s+)(\d+)(.*)/
const rtcp = /^a=rtcp:/i
/** Other attributes that name hosts, and what they have beside those (RFC 3605, RFC 8839 §5.2, RFC 4570). */
const naming = /^a=(?:rtcp|remote-candidates|source-filter):(.*)/i
const noHost = /^(?:\d*|in|ip[46]|\*|incl|excl)$/i

/**
 * Without candidates at other addresses than public ones. Where the address of a medium is none, the first public candidate
 * of that medium stands for it, else 0.0.0.0. A host name is no public address: nobody here knows where it leads.
 *
 * @param text a character an octet
 */
export function publicDescription(text: string): string {
  const [session = [], ...mediums] = withOwnConnections(sectionsOf(text.split(/(?<=\n)/)))
  const first = mediums.map(placeOf).find((place) => place !== undefined)
  return [shown(session, first), ...mediums.map((lines) => shown(lines, placeOf(lines)))].flat().join('')
}

/** Lines of the session, then those of each medium. */
function sectionsOf(lines: readonly string[]): readonly (readonly string[])[] {
  const sections: string[][] = [[]]
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([])
    sections.at(-1)!.push(line)
  }
  return sections
}

/** A hidden address of the session is one of each medium without its own: they may move to different places. */
function withOwnConnections([session = [], ...mediums]: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const common = session.find(movesFrom)
  if (common === undefined || mediums.length === 0) return [session, ...mediums]
  const line = /\n$/.test(common) ? common : `${common}\r\n`
  const own = mediums.map((lines) => {
    if (lines.some((each) => connection.test(each))) return lines
    const found = lines.findIndex((each) => !/^[mi]=/.test(each)) // RFC 8866 §9: behind m= and i=
    const at = found < 0 ? lines.length : found
    return [...lines.slice(0, at).map((each) => (/\n$/.test(each) ? each : `${each}\r\n`)), line, ...lines.slice(at)]
  })
  return [session.filter((each) => !movesFrom(each)), ...own]
}

function movesFrom(line: string): boolean {
  const host = connection.exec(line)?.[2]
  return host !== undefined && isHidden(host)
}

/** The first public candidate for media over UDP. */
function placeOf(lines: readonly string[]): Place | undefined {
  for (const line of lines) {
    const [, component, transport = '', host = '', port = ''] = candidate.exec(line) ?? []
    if (component === '1' && /^udp$/i.test(transport) && isPublicAddress(host)) return { host, port }
  }
  return undefined
}

function isHidden(host: string): boolean {
  return !isPublicAddress(host) && !/^(?:0\.0\.0\.0|::)$/.test(host)
}

function shown(lines: readonly string[], place: Place | undefined): readonly string[] {
  const moves = lines.some(movesFrom)
  return lines.flatMap((line) => {
    const end = /\r?\n$/.exec(line)?.[0] ?? ''
    const content = line.slice(0, line.length - end.length)
    if (anyCandidate.test(content)) {
      const host = candidate.exec(content)?.[3]
      if (host === undefined || isHidden(host)) return []
      const withoutHome = content.replace(related, (whole, head, home) =>
        isHidden(home) ? `${head}${nowhere(home)} rport 9` : whole,
      )
      return withoutHome + end
    }
    if (moves && rtcp.test(content)) return []
    const hosts = naming.exec(content)?.[1]?.split(/\s+/) ?? []
    if (hosts.some((host) => !noHost.test(host) && isHidden(host))) return []
    const [, head, port, rest] = (moves && place !== undefined && media.exec(content)) || []
    if (port !== undefined && port !== '0') return `${head}${place!.port}${rest}${end}` // 0: the medium is refused
    const named = connection.exec(content) ?? origin.exec(content)
    if (named === null || !isHidden(named[2]!)) return line
    const host = place?.host ?? nowhere(named[2]!)
    return `${named[1]!.replace(/IP[46]\s+$/i, isIP(host) === 6 ? 'IP6 ' : 'IP4 ')}${host}${named[3]}${end}`
  })
}

function nowhere(host: string): string {
  return isIP(host) === 6 ? '::' : '0.0.0.0'
}
