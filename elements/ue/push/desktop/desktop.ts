/** The desktop of a Push client: applications that are installed, and how they are opened. Made for real ones and for tests. */

export interface DesktopApplication {
  /** Desktop-file id without its ending: `org.gnome.eog`. */
  readonly id: string
  /** For people. */
  readonly name: string
  /** Media types that it opens. */
  readonly types: readonly string[]
  /** Applications in whose place it may open what they send, by its own word. */
  readonly similar: readonly string[]
  /** Its kinds: `image.viewer`. */
  readonly kinds: readonly string[]
  /** One that runs takes further content itself: opening it again starts no second process. */
  readonly handsOver: boolean
  /** One process takes several files. */
  readonly opensMany: boolean
  /** It says itself that it takes Pushes: told to servers. */
  readonly isForPush: boolean
  /** Of what would be run: another one wants consent anew. */
  readonly digest: string
}

export interface Desktop {
  /** Read anew. */
  installed(): Promise<readonly DesktopApplication[]>
  /** Id of the user's application for a media type. */
  defaultFor(type: string): Promise<string | undefined>
  isRunning(application: DesktopApplication): Promise<boolean>
  /** Puts content into a file that the user alone can read; its path. Undefined: it cannot be written. */
  keep(content: Buffer, type: string): Promise<string | undefined>
  /** Opens files with it, in one process. False: it could not be started. */
  open(application: DesktopApplication, files: readonly string[]): Promise<boolean>
}
