/** The desktop of a machine with freedesktop.org programs: `xdg-mime` knows defaults, `gio launch` or `gtk-launch` starts. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Ids, Log } from '../../../../signalling/index.ts'
import { ContentFiles } from './content-files.ts'
import type { Desktop, DesktopApplication } from './desktop.ts'
import { readDesktopEntry } from './desktop-entry.ts'
import { type RunProgram, runProgram } from './programs.ts'

interface XdgDesktopOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Data folders (XDG Base Directory Specification), that of the user first. */
  readonly dataFolders: readonly string[]
  /** Folders of programs. */
  readonly programFolders: readonly string[]
  /** Private folder for content. */
  readonly folder: string
  readonly run?: RunProgram
}

const deepest = 4 // folders below applications/
const most = 10_000 // desktop files
const mimeType = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/
const known = 10_000 // milliseconds for which a default is not asked again
const notFound = 127 // exit code of `env` for a program that is missing
/** Variables that have the path of the desktop file: ours, and GLib's. */
const marks = ['PROXIMA_LAUNCHED_DESKTOP_FILE', 'GIO_LAUNCHED_DESKTOP_FILE'] as const

export class XdgDesktop implements Desktop {
  private readonly options: XdgDesktopOptions
  private readonly run: RunProgram
  private readonly files: ContentFiles
  /** Path of the desktop file of each application, by its id. */
  private paths = new Map<string, string>()
  private reading: Promise<readonly DesktopApplication[]> | undefined
  private readonly defaults = new Map<string, { readonly at: number; readonly id: Promise<string | undefined> }>()

  constructor(options: XdgDesktopOptions) {
    const { clock, folder, ids, run = runProgram } = options
    this.options = options
    this.run = run
    this.files = new ContentFiles(
      folder,
      () => ids.token(22),
      () => clock.date(),
    )
  }

  /** One reading at a time, for all who ask meanwhile. */
  installed(): Promise<readonly DesktopApplication[]> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined
    })
    return this.reading
  }
  private async read(): Promise<readonly DesktopApplication[]> {
    const paths = new Map<string, string>()
    for (const folder of this.options.dataFolders) await collect(join(folder, 'applications'), '', 0, paths)
    const applications: DesktopApplication[] = []
    for (const [id, path] of paths) {
      const entry = readDesktopEntry(id, await readFile(path, 'utf8').catch(() => ''))
      if (entry === undefined) continue
      const isThere = entry.tryExec === undefined || (await this.isProgram(entry.tryExec))
      if (isThere) applications.push(entry.application)
    }
    this.paths = paths
    return applications
  }
  private async isProgram(program: string): Promise<boolean> {
    const { programFolders } = this.options
    const paths = program.startsWith('/') ? [program] : programFolders.map((folder) => join(folder, program))
    for (const path of paths) if (await isFile(path)) return true
    return false
  }

  defaultFor(type: string): Promise<string | undefined> {
    if (!mimeType.test(type)) return Promise.resolve(undefined)
    const now = this.options.clock.now()
    const before = this.defaults.get(type)
    if (before !== undefined && before.at > now - known) return before.id
    if (this.defaults.size >= most) this.defaults.clear()
    const id = this.run('xdg-mime', ['query', 'default', type]).then(({ out }) => /^([^\s;]+)\.desktop/.exec(out)?.[1])
    this.defaults.set(type, { at: now, id })
    return id
  }
  /** By what is left in the environment of an application that this client, or the user's desktop, has started. */
  async isRunning({ id }: DesktopApplication): Promise<boolean> {
    const path = this.paths.get(id)
    if (path === undefined) return false
    for (const pid of await readdir('/proc').catch(() => [])) {
      if (!/^\d+$/.test(pid)) continue
      const environment = (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0')
      const isOfIt = marks.some((mark) => environment.includes(`${mark}=${path}`))
      if (isOfIt && environment.includes(`GIO_LAUNCHED_DESKTOP_FILE_PID=${pid}`)) return true // not a child of it
    }
    return false
  }
  async keep(content: Buffer, type: string): Promise<string | undefined> {
    try {
      return await this.files.write(content, type)
    } catch (fault) {
      this.options.log.error({ fault: String(fault), folder: this.options.folder }, 'content of a Push cannot be written')
      return undefined
    }
  }
  async open({ id }: DesktopApplication, files: readonly string[]): Promise<boolean> {
    const path = this.paths.get(id)
    if (path === undefined) return false
    const mark = `${marks[0]}=${path}`
    const { code } = await this.run('env', [mark, 'gio', 'launch', path, ...files], 'silent')
    if (code !== undefined && code !== notFound) return code === 0
    return (await this.run('env', [mark, 'gtk-launch', id, ...files], 'silent')).code === 0
  }
}

/** Desktop files below a folder by their ids; those of an earlier folder stay. Links to folders are not followed. */
async function collect(folder: string, prefix: string, depth: number, paths: Map<string, string>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && depth < deepest) await collect(path, `${prefix}${entry.name}-`, depth + 1, paths)
    const id = entry.name.endsWith('.desktop') ? prefix + entry.name.slice(0, -'.desktop'.length) : ''
    if (id !== '' && !entry.isDirectory() && !paths.has(id) && paths.size < most) paths.set(id, path)
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
