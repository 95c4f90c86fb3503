/** Folder of a store as its operator may find it while it is in use: moved away, removed, or another in its place. */
import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { StoreFault } from '../fault.ts'

const fileName = 'data.mdb'
const magic = 0xbeefc0de // in the first words of a file of LMDB, behind the header of its first page

/** Throws `store-failed` where that file is none of LMDB's: LMDB itself would end the process with a segmentation fault. */
export function refuseForeignFile(folder: string): void {
  const begin = new Uint32Array(8)
  let length: number
  try {
    const file = openSync(join(folder, fileName), 'r')
    try {
      length = readSync(file, begin)
    } finally {
      closeSync(file)
    }
  } catch {
    return // there is none, or LMDB says why it cannot be read
  }
  if (length === 0 || begin.includes(magic)) return
  throw new StoreFault('store-failed', `store ${folder} has a ${fileName} that is no store; move it away, or give another folder`)
}

export class LmdbFolder {
  private readonly file: string
  private readonly opened: Stats | undefined

  /** @param path of a folder that LMDB has just opened */
  constructor(path: string) {
    this.file = join(path, fileName)
    this.opened = this.look()
  }
  /** The files that we write to are found there by nobody, not even by the next start. */
  get isGone(): boolean {
    const found = this.look()
    return found?.ino !== this.opened?.ino || found?.dev !== this.opened?.dev
  }
  private look(): Stats | undefined {
    try {
      return statSync(this.file, { throwIfNoEntry: false })
    } catch {
      return undefined // no permission, a broken disk
    }
  }
}
