/** Folder of a store as its operator may find it while it is in use: full, moved away, removed, or another in its place. */
import { type Stats, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const fewBlocks = 4

export class LmdbFolder {
  private readonly file: string
  private readonly path: string
  private readonly opened: Stats | undefined

  /** @param path of a folder that LMDB has just opened */
  constructor(path: string) {
    this.path = path
    this.file = join(path, 'data.mdb')
    this.opened = this.look()
  }
  /** The files that we write to are found there by nobody, not even by the next start. */
  get isGone(): boolean {
    const found = this.look()
    return found?.ino !== this.opened?.ino || found?.dev !== this.opened?.dev
  }
  /** LMDB itself says no more than that a write came out short. */
  get isFull(): boolean {
    try {
      return statfsSync(this.path).bavail < fewBlocks
    } catch {
      return false
    }
  }
  private look(): Stats | undefined {
    try {
      return statSync(this.file, { throwIfNoEntry: false })
    } catch {
      return undefined // no permission, a broken disk
    }
  }
}
