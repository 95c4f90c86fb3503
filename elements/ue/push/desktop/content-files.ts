/** Files with content of Pushes, in a folder that their user alone can enter. Names are made here, and say nothing of the sender's. */
import { chmod, lstat, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const endings: { readonly [type: string]: string } = {
  ...{
    'image/png': 'png',
    'image/jpeg': 'jpg',
    'image/gif': 'gif',
    'image/webp': 'webp',
    'image/bmp': 'bmp',
    'image/tiff': 'tif',
  },
  ...{ 'audio/mpeg': 'mp3', 'audio/ogg': 'ogg', 'audio/wav': 'wav', 'audio/x-wav': 'wav', 'audio/flac': 'flac' },
  ...{ 'video/mp4': 'mp4', 'video/webm': 'webm', 'video/ogg': 'ogv', 'application/pdf': 'pdf', 'text/csv': 'csv' },
  ...{ 'text/plain': 'txt', 'text/vcard': 'vcf', 'text/x-vcard': 'vcf', 'text/calendar': 'ics', 'text/markdown': 'md' },
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
}
const most = 10_000 // files
const keptFor = 604_800_000 // milliseconds

export class ContentFiles {
  private readonly folder: string
  private readonly newName: () => string
  private readonly now: () => number
  private written = 0

  /** @param now milliseconds since the epoch */
  constructor(folder: string, newName: () => string, now: () => number) {
    this.folder = folder
    this.newName = newName
    this.now = now
  }

  /** Path of a new file. Rejects where it cannot be written, or the folder is open to others. */
  async write(content: Buffer, type: string): Promise<string> {
    await this.ready()
    if (this.written++ % 100 === 0) await this.sweep()
    const path = join(this.folder, `${this.newName()}.${endings[type] ?? 'bin'}`)
    await writeFile(path, content, { flag: 'wx', mode: 0o600 })
    return path
  }
  private async ready(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    if (!(await lstat(this.folder)).isDirectory()) throw new Error(`${this.folder} is no folder of its own`)
    await chmod(this.folder, 0o700) // rejects where it is another user's
  }
  /** Files that are old, or too many, go. */
  private async sweep(): Promise<void> {
    const names = await readdir(this.folder)
    const ages = await Promise.all(names.map(async (name) => [name, (await stat(join(this.folder, name))).mtimeMs] as const))
    const newest = ages.toSorted(([, a], [, b]) => b - a)
    for (const [i, [name, time]] of newest.entries())
      if (i >= most || time < this.now() - keptFor) await rm(join(this.folder, name), { force: true })
  }
}
