/**
 * Finding of identifiers by a Push client (SPEC §5.3): of the destination, the source and the application.
 * It looks into its own configuration and asks the network, or leaves it to the Push server.
 */
import { type Clock, mayBeRetried } from '../../../../signalling/index.ts'
import { mediaType, type PushDirectory, type PushDirectoryEntry, type PushQuery, readBody } from '../../../schemas/index.ts'
import { pushHost, pushIdentifier } from '../../../shared/identifiers/push.ts'
import { bodyOf, type UserAgent } from '../../agents/agent.ts'
import type { DirectoryCache } from './directory-cache.ts'
import type { LocalEntries, LocalEntry } from './entries.ts'

/** Places in which a name is looked up; the server's, as the last one, finds nothing here and is sent the name. */
export type FindingPlace = 'local' | 'network' | 'server'

/** A destination: an address, or a name of whatever kind, or of one kind. */
export type PushDestinationName = string | Omit<PushQuery, 'limit' | 'self' | 'application' | 'content'>

interface IdentifierFinderParts {
  readonly agent: UserAgent
  readonly clock: Clock
  readonly local: LocalEntries
  readonly cache: DirectoryCache
  /** URI of the address book. */
  readonly addressBook: string
  /** In this order. */
  readonly places: readonly FindingPlace[]
}

/** The URI to send to; or why there is none, as a status of SIP. */
type FoundDestination = { readonly uri: string } | { readonly status: 404 | 485 | 503; readonly choices: readonly string[] }

const event = 'push-directory'
const patience = 32_000 // milliseconds
const patienceForNames = 4000 // the same for what a prompt waits for

export class IdentifierFinder {
  private readonly parts: IdentifierFinderParts

  constructor(parts: IdentifierFinderParts) {
    this.parts = parts
  }

  private get domain(): string {
    return this.parts.agent.identity.split('@')[1]!.split(/[;:]/, 1)[0]!
  }

  async destination(to: PushDestinationName): Promise<FoundDestination> {
    if (typeof to === 'string' && isAddress(to)) return { uri: to }
    const query = typeof to === 'string' ? { alias: to } : to
    let isSilent = false
    for (const place of this.parts.places) {
      if (place === 'server') return { uri: this.named(query) }
      const entries = place === 'local' ? this.parts.local.find(query) : await this.ask(query)
      if (entries === undefined) isSilent = true
      const choices = [...new Set((entries ?? []).flatMap(({ uri }) => uri ?? []))]
      if (choices.length === 1) return { uri: choices[0]! }
      if (choices.length > 1) return { status: 485, choices }
    }
    return { status: isSilent ? 503 : 404, choices: [] }
  }
  /** FIG 9: the name at the Push host of its own operator, whose server finds the identifier. */
  private named(query: PushQuery): string {
    const [name = ''] = Object.values(query).map(String)
    const user = pushIdentifier(name) ?? encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
    return `sip:${user}@${pushHost(this.domain)};user=push`
  }

  /** URI of an own Push identifier; undefined: it has none, or the network does not say. */
  async source(): Promise<string | undefined> {
    return (await this.ask({ self: true }))?.[0]?.uri
  }
  /** Application by its name, its identifier or a media type that it takes. */
  async application(wanted: Pick<PushQuery, 'application' | 'content'>): Promise<string | undefined> {
    return (await this.entryOf(wanted, ({ application }) => application !== undefined))?.application
  }
  /** Name of somebody by a Push identifier, for people. */
  async nameOf(uri: string): Promise<string | undefined> {
    const entry = await this.entryOf({ id: uri }, ({ name, nickname }) => (name ?? nickname) !== undefined, patienceForNames)
    return entry?.name ?? entry?.nickname
  }
  private async entryOf(
    query: PushQuery,
    suits: (entry: PushDirectoryEntry) => boolean,
    within = patience,
  ): Promise<PushDirectoryEntry | LocalEntry | undefined> {
    for (const place of this.parts.places) {
      const entries = place === 'local' ? this.parts.local.find(query) : place === 'network' ? await this.ask(query, within) : []
      const found = entries?.find(suits)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** An answer that is kept, else the address book's word. Undefined: there is no answer. */
  async ask(query: PushQuery, within = patience): Promise<readonly PushDirectoryEntry[] | undefined> {
    const kept = this.parts.cache.get(query)
    if (kept !== undefined) return kept
    const answer = await this.fetch(query, within)
    if (typeof answer === 'number') return mayBeRetried(answer) ? undefined : []
    await this.parts.cache.put(query, answer.entries, Date.parse(answer.validUntil))
    return answer.entries
  }
  private fetch(query: PushQuery, within: number): Promise<PushDirectory | number> {
    const { addressBook, agent, clock } = this.parts
    return new Promise((resolve) => {
      const timer = clock.after(within, () => resolve(408))
      const settle = (answer: PushDirectory | number): void => {
        timer.cancel()
        resolve(answer)
      }
      agent.subscribe(
        { to: addressBook, event, accept: [mediaType(event)], expires: 0, body: bodyOf('push-query', query) },
        {
          notified: (notified) => {
            const { value } = readBody(notified, event)
            if (value !== undefined) settle(value)
          },
          ended: (status) => settle(status < 300 ? 408 : status),
        },
      )
    })
  }
}

/** A SIP URI, whether it has a Push identifier or is an ordinary address; a tel URI is a number to be found. */
function isAddress(text: string): boolean {
  return /^sips?:[^@\s]+@[^@\s]+$/i.test(text)
}
