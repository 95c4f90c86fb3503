/**
 * Session descriptions that cross to another operator (SPEC §2.6, §5.7). Addresses inside our network and our homes say
 * nothing there. Lines are changed one by one: all else goes on as it was written.
 */
import { isIP } from 'node:net'
import { isPublicAddress } from '../shared/http/public-address.ts'

export const sdpType = 'application/sdp'

interface Place {
  readonly host: string
  readonly port: string
}

const candidate = /^a=candidate:\S+ \d+ \S+ \d+ (\S+) (\d+) typ \S+/i
const connection = /^(c=IN IP[46] )([^\s/]+)(.*)/
const origin = /^(o=\S+ \S+ \S+ IN IP[46] )(\S+)(.*)/
const rtcp = /^a=rtcp:/i
const media = /^(m=\S+ )(\d+)(.*)/

/**
 * Without candidates at other addresses than public ones. Where the address of a medium is none, the first public candidate
 * of that medium stands for it, else 0.0.0.0.
 */
export function publicDescription(text: string): string {
  const [session = [], ...mediums] = sectionsOf(text.split(/(?<=\n)/))
  const inherited = session.find((line) => connection.test(line))
  const first = mediums.map(placeOf).find((place) => place !== undefined)
  return [shown(session, first), ...mediums.map((lines) => shown(lines, placeOf(lines), inherited))].flat().join('')
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

/** The first public candidate. */
function placeOf(lines: readonly string[]): Place | undefined {
  for (const line of lines) {
    const [, host = '', port = ''] = candidate.exec(line) ?? []
    if (isPublicAddress(host)) return { host, port }
  }
  return undefined
}

function isHidden(host: string): boolean {
  return isIP(host) !== 0 ? !isPublicAddress(host) && !/^(?:0\.0\.0\.0|::)$/.test(host) : host.endsWith('.local')
}

/** @param inherited connection line of the session, which counts for a medium without its own */
function shown(lines: readonly string[], place: Place | undefined, inherited?: string): readonly string[] {
  const own = lines.find((line) => connection.test(line)) ?? inherited
  const moves = own !== undefined && isHidden(connection.exec(own)![2]!)
  return lines.flatMap((line) => {
    const end = /\r?\n$/.exec(line)?.[0] ?? ''
    const content = line.slice(0, line.length - end.length)
    const address = candidate.exec(content)?.[1]
    if (address !== undefined) {
      if (isHidden(address)) return []
      return (
        content.replace(/ raddr (\S+) rport \d+/i, (raddr, host) =>
          isHidden(host) ? ` raddr ${nowhere(host)} rport 9` : raddr,
        ) + end
      )
    }
    if (moves && rtcp.test(content)) return []
    const port = moves && place !== undefined ? media.exec(content) : null
    if (port !== null) return `${port[1]}${place!.port}${port[3]}${end}`
    const named = connection.exec(content) ?? origin.exec(content)
    if (named === null || !isHidden(named[2]!)) return line
    const host = place?.host ?? nowhere(named[2]!)
    return `${named[1]!.replace(/IP[46] $/, isIP(host) === 6 ? 'IP6 ' : 'IP4 ')}${host}${named[3]}${end}`
  })
}

function nowhere(host: string): string {
  return isIP(host) === 6 ? '::' : '0.0.0.0'
}
