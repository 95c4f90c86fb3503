/** Folder of a store as its operator may find it while it is in use: moved away, removed, or another in its place. */
import { type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

export class LmdbFolder {
  private readonly file: string
  private readonly opened: Stats | undefined

  /** @param path of a folder that LMDB has just opened */
  constructor(path: string) {
    this.file = join(path, 'data.mdb')
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
