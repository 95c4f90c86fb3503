/** Pages of subscribers whom the address book is to name (SPEC §6.1), for an element that reads them all. */
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Directory } from './directory.ts'

export interface NamedPage {
  readonly records: readonly SubscriberRecord[]
  /** More follow behind this identifier; undefined: that is all. */
  readonly next: string | undefined
}

const longestPage = 40_000 // bytes of JSON; a single record may be longer
const atATime = 500
const mostRead = 5000 // subscribers read for one page, named or not

/** The next subscribers with a `directory` behind that identifier, in the order of identifiers. */
export async function namedPage(directory: Pick<Directory, 'page'>, after: string | undefined): Promise<NamedPage> {
  const records: SubscriberRecord[] = []
  let bytes = 0
  let next = after
  for (let read = 0; read < mostRead; read += atATime) {
    const found = await directory.page('', next, atATime)
    for (const record of found) {
      if (record.directory !== undefined) {
        const length = Buffer.byteLength(JSON.stringify(record))
        if (records.length > 0 && bytes + length > longestPage) return { records, next }
        bytes += length
        records.push(record)
      }
      next = record.id
    }
    if (found.length < atATime) return { records, next: undefined }
  }
  return { records, next }
}
