/**
 * Room on the disk and in the map, made before LMDB writes. A page that LMDB cannot write ends the process, since its text
 * of that fault overruns its buffer; so does a map that cannot grow. A write that is refused here has changed nothing.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'

/** Bytes that stay free: others write there too, between our look and the commit. */
const margin = 256 * 1024
const lookEvery = 8192 // bytes committed between two looks at the disk
const step = 64 // pages; the file grows by no less
const spare = 64 // pages; roots, and the list of free ones
const pathPages = 4 // from a root to a leaf, as a rule
const zeros = Buffer.alloc(step * 4096)
const addressMargin = 64 << 20 // bytes of address space that stay free for the rest of the process

/** Bytes that the disk of a folder has left for us; undefined: it does not say. */
function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/** Bytes of address space that this process may still take (RLIMIT_AS). */
function freeAddresses(): number {
  try {
    const limit = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    if (limit === undefined) return Number.POSITIVE_INFINITY
    return Number(limit) - 1024 * Number(/^VmSize:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0)
  } catch {
    return Number.POSITIVE_INFINITY // not Linux: no limit is known
  }
}

/** More about a fault of a folder's disk: nothing is written where that is full, or nearly. */
export function fullness(folder: string): string {
  return (freeBytes(folder) ?? margin) < margin ? ' (its disk is full: make room)' : ''
}

export class LmdbRoom {
  private readonly folder: string
  private readonly db: RootDatabase<Buffer, string>
  private readonly file: number
  /** Pages of the file, written once already, that LMDB cannot have used yet. */
  private pages = 0
  private unseen = 0
  constructor(folder: string, db: RootDatabase<Buffer, string>) {
    this.folder = folder
    this.db = db
    this.file = openSync(join(folder, 'data.mdb'), 'r+')
    this.grow(2, 2, spare / 4) // a start writes little, and finds the room that the last run left
  }

  /** Throws where the disk has no room for a commit of so many records; `bytes`: of all puts together. */
  take(puts: number, removals: number, bytes: number): void {
    this.unseen += bytes
    if (this.unseen >= lookEvery) {
      const free = freeBytes(this.folder)
      // the next one looks again
      if (free !== undefined && free < margin + 2 * bytes) throw new Error(`${free} bytes are left on its disk`)
      this.unseen = 0
    }
    const records = puts + removals
    const ownPages = 2 * puts + Math.ceil(bytes / 4096) // pages of its own, and a leaf that splits
    const wanted = ownPages + records * pathPages
    if (wanted + spare > this.pages) this.grow(ownPages, records)
    this.pages -= wanted
  }
  private grow(ownPages: number, records: number, more = spare): void {
    const { pageSize, lastPageNumber, mapSize, root } = this.db.getStats() as Stats
    const tree = root.treeBranchPageCount + root.treeLeafPageCount
    const wanted = ownPages + Math.min(records * (root.treeDepth + 1), tree) + more + (lastPageNumber >> 9)
    const { size } = fstatSync(this.file)
    const used = (lastPageNumber + 1) * pageSize
    const inMap = Math.floor((mapSize - used) / pageSize) - 1
    let most = Math.max(inMap, wanted + step)
    if (most > inMap && freeAddresses() < addressMargin + 2 * (used + most * pageSize)) most = inMap // LMDB doubles its map
    if (most < wanted) throw new Error('its map cannot grow, since the process may have no more address space; allow it more')
    this.pages = Math.min(Math.floor((size - used) / pageSize), most)
    if (this.pages >= Math.min(wanted + step / 2, most)) return
    const made = Math.min(wanted + step, most)
    try {
      this.fill(size, used + made * pageSize)
      this.pages = made
    } catch (fault) {
      if (this.pages >= wanted) return
      this.unseen = lookEvery
      throw fault
    }
  }
  /** All or nothing, so that a refused commit takes no room. */
  private fill(from: number, to: number): void {
    try {
      for (let at = from; at < to; ) at += writeSync(this.file, zeros, 0, Math.min(zeros.length, to - at), at)
    } catch (fault) {
      ftruncateSync(this.file, from)
      throw fault
    }
  }
  close(): void {
    closeSync(this.file)
  }
}

interface Stats {
  readonly pageSize: number
  readonly lastPageNumber: number
  readonly mapSize: number
  readonly root: { readonly treeDepth: number; readonly treeBranchPageCount: number; readonly treeLeafPageCount: number }
}
