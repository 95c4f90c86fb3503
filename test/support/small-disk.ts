/** A disk of a few megabytes that a test may fill, for real: a tmpfs of its own, where this user may mount one. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly folder: string
  remove(): void
}

/** The disk, or why there is none. */
export function smallDisk(megabytes: number): SmallDisk | string {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-disk-'))
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  if (status !== 0) {
    rmdirSync(folder)
    return `no tmpfs can be mounted here: ${error?.message ?? String(stderr).trim()}`
  }
  return {
    folder,
    remove: () => {
      spawnSync('umount', ['-l', folder])
      rmdirSync(folder)
    },
  }
}

export interface FailingDisk extends SmallDisk {
  /** Makes writes to the disk from now on fail once they are synced (EIO, ENOSPC). */
  fail(): void
  /** The disk is well again. */
  heal(): void
}

/** A disk below a file system of its own, so that it may fail there as hardware does. Or why there is none. */
export function failingDisk(): FailingDisk | string {
  const below = smallDisk(12)
  if (typeof below === 'string') return below
  const image = join(below.folder, 'image')
  const ballast = join(below.folder, 'ballast')
  const folder = mkdtempSync(join(tmpdir(), 'proxima-disk-'))
  closeSync(openSync(image, 'w'))
  truncateSync(image, 32 << 20) // sparse: larger than what is below it
  for (const [command, ...words] of [
    ['mkfs.ext4', '-q', '-O', '^has_journal', image], // a journal that failed once stays read-only
    ['mount', '-o', 'loop', image, folder],
  ] as const) {
    const { status, stderr, error } = spawnSync(command, words)
    if (status === 0) continue
    rmdirSync(folder)
    below.remove()
    return `no disk can be made to fail here: ${error?.message ?? String(stderr).trim()}`
  }
  return {
    folder,
    fail: () => fill(ballast),
    heal: () => rmSync(ballast),
    remove: () => {
      spawnSync('umount', ['-l', folder])
      rmdirSync(folder)
      below.remove()
    },
  }
}

/** Writes to a file until its disk has no byte left. */
export function fill(file: string): void {
  for (let size = 1 << 20; size >= 512; size >>= 1) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' })
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'ENOSPC') throw fault // full for that size: try a smaller one
    }
  }
}
