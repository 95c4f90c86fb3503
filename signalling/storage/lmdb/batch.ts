/** One transaction of an LMDB folder, as both the thread that serves and the one that writes carry it out. */
import { open, type RootDatabase, TransactionFlags } from 'lmdb'
import { decodeRecord } from '../record.ts'
import { reserveVersions } from '../schema.ts'
import type { StoreEntry } from '../store.ts'
import type { LmdbRoom } from './room.ts'

export type LmdbDatabase = RootDatabase<Buffer, string>

/** `records`: null is a deletion. `reserve`: versions are taken from there on. */
export interface LmdbBatch {
  readonly records: Iterable<readonly [key: string, bytes: Buffer | null]>
  readonly reserve: number | undefined
}

/** Bytes go in as they are. A range reads entries from the memory that LMDB lends: a copy would cost as much as the rest. */
const recordEncoder = {
  encode: (bytes: Buffer): Buffer => bytes,
  decode: (bytes: Buffer, length: number): StoreEntry => decodeRecord(bytes, length),
  needsStableBuffer: false,
}

/** @param synced a transaction is on the disk when it has returned */
export function openDatabase(folder: string, synced: boolean): LmdbDatabase {
  return open<Buffer, string>({
    path: folder,
    noSubdir: false,
    encoder: recordEncoder,
    noSync: !synced,
    overlappingSync: false, // a commit is on the disk when it says so, and the durability may change from start to start
  })
}

const whole = TransactionFlags.ABORTABLE | TransactionFlags.SYNCHRONOUS_COMMIT

/** All or nothing; throws where the medium fails. lmdb's own asynchronous transactions end the process then. */
export function commitBatch(db: LmdbDatabase, room: LmdbRoom, { records, reserve }: LmdbBatch): void {
  let puts = 1 // the versions reserved
  let removals = 0
  let size = 0
  for (const [key, bytes] of records) {
    if (bytes === null) removals++
    else {
      puts++
      size += key.length + bytes.length
    }
  }
  room.take(puts, removals, size)
  db.transactionSync(() => {
    if (reserve !== undefined) reserveVersions(db, reserve)
    for (const [key, bytes] of records) {
      if (bytes === null) db.remove(key)
      else db.put(key, bytes)
    }
  }, whole)
}
