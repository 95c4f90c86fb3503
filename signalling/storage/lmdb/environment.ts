/** The LMDB environment of one folder, and the thread that writes to it; opened anew in its place once it has broken. */
import type { RangeOptions } from 'lmdb'
import { firstLine, StoreFault } from '../fault.ts'
import type { StoreEntry } from '../store.ts'
import { commitBatch, type LmdbBatch, type LmdbDatabase, openDatabase } from './batch.ts'
import { refuseForeignFile } from './folder.ts'
import { fullness, LmdbRoom } from './room.ts'
import { LmdbWriter } from './writer.ts'

export class LmdbEnvironment {
  private readonly folder: string
  /** A commit waits for the disk, in a thread of its own. */
  readonly isSynced: boolean
  private opened: { readonly db: LmdbDatabase; readonly room: LmdbRoom } | undefined = undefined
  private writer: LmdbWriter | undefined = undefined

  constructor(folder: string, isSynced: boolean) {
    this.folder = folder
    this.isSynced = isSynced
  }
  /** Throws `store-failed` where nothing is open, which is so for a moment of `open` and as long as that fails. */
  get db(): LmdbDatabase {
    if (this.opened === undefined) throw new StoreFault('store-failed', `store ${this.folder} is being opened anew`)
    return this.opened.db
  }
  /**
   * Opens the folder, and closes an open one before that. All committed records are there again.
   * @param prepare is given the environment before anything is written to it @throws `store-busy`, or `store-failed`; then
   * nothing is open
   */
  async open(prepare?: (db: LmdbDatabase) => void): Promise<void> {
    await this.close()
    const { folder } = this
    refuseForeignFile(folder)
    let db: LmdbDatabase
    try {
      db = openDatabase(folder, this.isSynced)
    } catch (thrown) {
      const said = firstLine(thrown)
      const remedy = /Permission denied/.test(said) ? 'let this user write there' : 'see to that'
      throw new StoreFault('store-failed', `store ${folder} cannot be opened: ${said}; ${remedy}, or give another folder`, thrown)
    }
    let room: LmdbRoom | undefined
    try {
      refuseCompany(db, folder)
      room = new LmdbRoom(folder, db)
      prepare?.(db)
      this.opened = { db, room } // read meanwhile
      if (this.isSynced) this.writer = await LmdbWriter.open(folder)
    } catch (thrown) {
      this.opened = undefined
      room?.close()
      await db.close()
      if (thrown instanceof StoreFault) throw thrown
      const text = `store ${folder} cannot be used: ${firstLine(thrown)}${fullness(folder)}`
      throw new StoreFault('store-failed', text, thrown)
    }
  }
  /** Without a thread it has returned, or thrown, once all is committed; with one, that comes later. One at a time. */
  commit(batch: LmdbBatch): Promise<void> | undefined {
    if (this.isSynced && this.writer !== undefined) return this.writer.commit(batch)
    const { db } = this
    if (this.isSynced) throw new StoreFault('store-failed', `store ${this.folder} is being opened anew`)
    commitBatch(db, this.opened!.room, batch)
    return undefined
  }
  /** Committed bytes of a key, valid until the next read. Throws `store-failed` where LMDB cannot read. */
  get(key: string): Buffer | undefined {
    const { db } = this
    try {
      return db.getBinaryFast(key)
    } catch (thrown) {
      throw this.readFault(thrown)
    }
  }
  /** Committed records in the order of their keys; throws as `get` does. */
  *range(options: RangeOptions): Generator<{ readonly key: string; readonly value: StoreEntry }> {
    const { db } = this
    try {
      yield* db.getRange(options) as Iterable<{ key: string; value: unknown }> as Iterable<{ key: string; value: StoreEntry }>
    } catch (thrown) {
      throw this.readFault(thrown)
    }
  }
  /** Keys of committed records in their order; throws as `get` does. */
  *keys(options: RangeOptions): Generator<string> {
    const { db } = this
    try {
      yield* db.getKeys(options)
    } catch (thrown) {
      throw this.readFault(thrown)
    }
  }
  private readFault(thrown: unknown): StoreFault {
    const said = firstLine(thrown)
    const why = /MDB_PANIC/.test(said) ? 'its disk failed within a write, and it is opened anew' : said
    return new StoreFault('store-failed', `store ${this.folder} cannot be read: ${why}`, thrown)
  }
  /** After one failed write of the page that names the pages in force, LMDB refuses reads and writes until it is opened anew. */
  get isBroken(): boolean {
    if (this.writer?.isDead) return true
    try {
      this.db.resetReadTxn()
      this.db.getBinaryFast('any')
      return false
    } catch {
      return true // the caller has the fault of its write, which says more
    }
  }
  async close(): Promise<void> {
    const { writer } = this
    this.writer = undefined
    await writer?.close() // before ours: LMDB keeps an environment as long as one thread has it
    const { opened } = this
    this.opened = undefined
    opened?.room.close()
    await opened?.db.close()
  }
}

/** LMDB lists who has read from the folder and lives; each process keeps its line until it closes the store. */
function refuseCompany(db: LmdbDatabase, folder: string): void {
  db.getBinary('any') // so that we stand in the list before we look at it
  db.readerCheck() // lines of the dead go
  const readers = [...db.readerList().matchAll(/^\s*(\d+)\s/gm)].map(([, pid]) => Number(pid))
  const other = readers.find((pid) => pid !== process.pid) ?? (readers.length > 1 ? process.pid : undefined)
  if (other === undefined) return
  throw new StoreFault('store-busy', `store ${folder} is in use by process ${other}: stop that one, or give another folder`)
}
