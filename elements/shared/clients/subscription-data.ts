/** Records that the HSS tells (SPEC §6.1), read one by one: one that cannot be read never hides another. */
import type { SipRequest } from '../../../signalling/index.ts'
import { faultOf, mediaType, readBody, type SubscriberRecord, type SubscriptionData } from '../../schemas/index.ts'

interface ReadData {
  readonly data: SubscriptionData
  /** Identifiers of subscribers whose records cannot be read; who knows them has no permission by them. */
  readonly unreadable: readonly string[]
}

/** Undefined: not even the identifier can be read. */
export function readSubscriptionData(request: SipRequest): ReadData | undefined {
  const read = readBody(request, 'subscription-data')
  if (read.fault === undefined) return { data: read.value, unreadable: [] }
  const members = request.contentType === mediaType('subscription-data') ? membersOf(request.body) : undefined
  if (members === undefined) return undefined
  const { records = [], removed = [], ...rest } = members
  if (faultOf('subscription-data', rest) !== undefined || !Array.isArray(records) || !Array.isArray(removed)) return undefined
  const sound = records.filter((record): record is SubscriberRecord => faultOf('subscriber', record) === undefined)
  const others = records.filter((record) => !sound.includes(record)).map(idOf)
  const gone = removed.filter((id) => typeof id === 'string')
  if (others.includes(undefined) || gone.length < removed.length) return undefined
  const listed = members['records'] === undefined ? {} : { records: sound }
  const data = { ...(rest as unknown as SubscriptionData), ...listed, removed: gone }
  return { data, unreadable: others as readonly string[] }
}

function membersOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined // no JSON
  }
}

function idOf(record: unknown): string | undefined {
  const id = typeof record === 'object' && record !== null && 'id' in record ? record.id : undefined
  return typeof id === 'string' ? id : undefined
}
