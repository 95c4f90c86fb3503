/** Answers of an address book (SPEC §5.3): entries as the asker is told them. */
import type { Host } from '../../signalling/index.ts'
import type { PushDirectory, PushDirectoryEntry, SubscriberRecord } from '../schemas/index.ts'
import { hasFlags, pushIdentifier } from '../shared/identifiers/push.ts'
import { type Listing, listingsOf } from './listing.ts'
import type { ListedServer } from './settings-type.ts'

interface AnswerBounds {
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly limit: number
}

const longestAnswer = 40_000 // bytes of JSON: a datagram has room for it

export function directoryAnswer(
  listings: readonly Listing[],
  { until, limit, showsNumber }: AnswerBounds & { readonly showsNumber: (listing: Listing) => boolean },
): PushDirectory {
  const chosen = listings.slice(0, limit)
  return {
    validUntil: timeOf(until, chosen),
    entries: withinBytes(chosen.map((listing) => entryOf(listing, showsNumber(listing)))),
  }
}

/** The asker's own identifiers, each with the Push server that it belongs to. */
export function selfAnswer(
  record: SubscriberRecord | undefined,
  { host, until, limit, servers }: AnswerBounds & { readonly host: Host; readonly servers: readonly ListedServer[] },
): PushDirectory {
  const { clock, domains } = host
  const own = record === undefined ? [] : listingsOf(record, domains, clock.date()).slice(0, limit)
  const entries = own.map((listing): PushDirectoryEntry => {
    const id = pushIdentifier(listing.uri!.slice('sip:'.length).split('@', 1)[0]!)!
    const server = servers.find(({ flags }) => hasFlags(id, flags))
    return { ...entryOf(listing, true), ...(server === undefined ? {} : { server: `sip:${server.element}@${domains[0]}` }) }
  })
  return { validUntil: timeOf(until, own), entries }
}

/** No longer than the first identifier among them ends. */
function timeOf(until: number, listings: readonly Listing[]): string {
  return new Date(Math.min(until, ...listings.map((listing) => listing.until ?? until))).toISOString()
}

function entryOf({ application, name, nickname, number, uri }: Listing, showsNumber: boolean): PushDirectoryEntry {
  return { uri, name, nickname, number: showsNumber ? number : undefined, application }
}

function withinBytes(entries: readonly PushDirectoryEntry[]): readonly PushDirectoryEntry[] {
  let bytes = 0
  return entries.filter((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry))
    return bytes <= longestAnswer
  })
}
