/** Consents of a user (SPEC §5.5): which application may be started for what a source sends, without asking again. */
import type { Clock, Json, Log, Store } from '../../../signalling/index.ts'
import { keyPart } from '../../shared/identifiers/keys.ts'
import { Kept } from '../../shared/state/kept.ts'
import type { DesktopApplication } from './desktop/desktop.ts'

interface Consent {
  readonly [member: string]: Json | undefined
  readonly application: string
  readonly source: string
  /** Of the application as it was when the user was asked. */
  readonly digest: string
}

const most = 10_000

export class Consents {
  private readonly kept: Kept<Consent>

  constructor(host: { readonly clock: Clock; readonly store: Store; readonly log: Log }, user: string) {
    this.kept = new Kept<Consent>(host, { prefix: `ue-push/${keyPart(user)}/consent/`, noun: 'a consent' })
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  /** Whether it stands for the application as it is now. */
  has({ digest, id }: DesktopApplication, source: string): boolean {
    return this.kept.get(keyOf(id, source))?.digest === digest
  }
  /** In force at once. Nobody is remembered who hides who he is. */
  async add({ digest, id }: DesktopApplication, source: string): Promise<void> {
    if (source === '') return
    const [oldest] = this.kept.size < most ? [] : this.kept.entries()
    if (oldest !== undefined) await this.kept.expel(oldest[0])
    await this.kept.enforce(keyOf(id, source), { application: id, source, digest })
  }
}

function keyOf(application: string, source: string): string {
  return JSON.stringify([application, source])
}
