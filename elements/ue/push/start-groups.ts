/**
 * Starts of applications (SPEC §5.5). What one source sends for one application makes a group: one prompt, one question and
 * one process, however many there are at once.
 */
import { InTurn } from '../../shared/state/in-turn.ts'
import type { DesktopApplication } from './desktop/desktop.ts'
import { contentOf, type ReceivedPush } from './received-push.ts'
import type { PushNotice, ReceptionParts } from './reception-parts.ts'

interface StartGroup {
  application: DesktopApplication
  readonly source: string
  pushes: ReceivedPush[]
}

interface StartGroupsParts
  extends Pick<ReceptionParts, 'clock' | 'log' | 'desktop' | 'ask' | 'consents' | 'nameOf' | 'handing' | 'settled'> {
  readonly prompt: (notice: PushNotice) => void
  readonly unopened: (push: ReceivedPush, why: 'not started' | 'no application') => Promise<void>
}

const gather = 500 // milliseconds from the first to the prompt, in which others join it
const calm = 2000 // milliseconds for which a group goes on gathering after a start
const look = 2000 // milliseconds between two looks at whether an application still runs
const mostAtOnce = 1000 // files for one process

export class StartGroups {
  private readonly parts: StartGroupsParts
  private readonly groups = new Map<string, StartGroup>()
  private readonly questions = new InTurn()

  constructor(parts: StartGroupsParts) {
    this.parts = parts
  }

  add(push: ReceivedPush, application: DesktopApplication): void {
    const key = JSON.stringify([application.id, push.source])
    const known = this.groups.get(key)
    if (known !== undefined) {
      known.pushes.push(push)
      return
    }
    const group: StartGroup = { application, source: push.source, pushes: [push] }
    this.groups.set(key, group)
    void this.run(group, key).catch((fault: unknown) => {
      this.groups.delete(key)
      this.parts.log.error({ fault: String(fault) }, 'an application could not be started')
    })
  }

  /** Goes on until no more come for a while. */
  private async run(group: StartGroup, key: string): Promise<void> {
    while (group.pushes.length > 0) {
      await this.pause(gather)
      const first = group.pushes[0]!
      const sender = await this.parts.nameOf(first)
      this.parts.prompt({ push: first, sender, application: group.application.name })
      let agreed = ''
      do {
        const isWanted = await this.consent(group, { push: group.pushes[0]!, sender }, agreed)
        agreed = group.application.digest
        if (isWanted === undefined) await this.all(group, (push) => this.parts.unopened(push, 'no application'))
        else if (!isWanted) await this.all(group, (push) => this.parts.settled(push, 'declined'))
        else if (await this.isBusy(group.application)) await this.pause(look)
        else await this.start(group)
      } while (group.pushes.length > 0)
      await this.pause(calm)
    }
    this.groups.delete(key)
  }

  /**
   * True: it may start as it is now. Undefined: it is there no more.
   * @param agreed digest of what the user has agreed to for this prompt
   */
  private async consent(
    group: StartGroup,
    notice: Pick<PushNotice, 'push' | 'sender'>,
    agreed: string,
  ): Promise<boolean | undefined> {
    const { ask, consents } = this.parts
    for (;;) {
      const now = await this.installed(group.application.id)
      if (now === undefined) return undefined
      group.application = now
      if (ask === undefined || now.digest === agreed || consents.has(now, group.source)) return true
      const answer = await this.questions.run('', () => ask({ ...notice, application: now.name }))
      if (answer === 'no') return false
      const then = await this.installed(now.id)
      if (then?.digest !== now.digest) continue // it has changed while the user thought: he is asked about what it is now
      if (answer === 'always') await consents.add(now, group.source)
      return true
    }
  }
  private async installed(id: string): Promise<DesktopApplication | undefined> {
    return (await this.parts.desktop?.installed())?.find((each) => each.id === id)
  }
  /** A second process of it would start. */
  private async isBusy(application: DesktopApplication): Promise<boolean> {
    return !application.handsOver && (await this.parts.desktop!.isRunning(application))
  }

  private async start(group: StartGroup): Promise<void> {
    const { desktop, handing, settled, unopened } = this.parts
    const { application } = group
    const pushes = group.pushes.splice(0, application.opensMany ? mostAtOnce : 1)
    const files: string[] = []
    for (const push of pushes) {
      const file = await desktop!.keep(contentOf(push), push.type)
      if (file !== undefined) files.push(file)
    }
    for (const push of pushes) await handing(push)
    const isOpen = files.length === pushes.length && (await desktop!.open(application, files))
    for (const push of pushes) await (isOpen ? settled(push, 'displayed') : unopened(push, 'not started'))
  }
  private async all(group: StartGroup, settle: (push: ReceivedPush) => Promise<void>): Promise<void> {
    for (const push of group.pushes.splice(0)) await settle(push)
  }
  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.parts.clock.after(milliseconds, resolve))
  }
}
