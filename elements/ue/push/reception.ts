/** Reception of Pushes (SPEC §5.5): the prompt, then the running application, or one that is started with the user's consent. */
import { InTurn } from '../../shared/state/in-turn.ts'
import { chooseApplication } from './application-choice.ts'
import { contentOf, type ReceivedPush } from './received-push.ts'
import type { PushNotice, ReceptionParts } from './reception-parts.ts'
import type { RunningApplication } from './running-applications.ts'
import { StartGroups } from './start-groups.ts'

export class Reception {
  private readonly parts: ReceptionParts
  private readonly turns = new InTurn()
  private readonly groups: StartGroups

  constructor(parts: ReceptionParts) {
    this.parts = parts
    this.groups = new StartGroups({
      ...parts,
      prompt: (notice) => this.prompt(notice),
      unopened: (push, why) => this.unopened(push, why),
    })
  }

  /** Takes it through in its turn: order holds per source and application. Never rejects. */
  receive(push: ReceivedPush): void {
    void this.turns
      .run(JSON.stringify([push.source, push.application]), () => this.handOver(push))
      .catch((fault: unknown) => this.parts.log.error({ fault: String(fault), key: push.key }, 'a Push could not be handed over'))
  }
  private async handOver(push: ReceivedPush): Promise<void> {
    const choice = await chooseApplication(push, this.parts)
    if ('running' in choice) return this.give(push, choice.running)
    if ('start' in choice) return this.groups.add(push, choice.start)
    await this.unopened(push, choice.none)
  }
  private async give(push: ReceivedPush, application: RunningApplication): Promise<void> {
    const { handing, log, nameOf, settled } = this.parts
    this.prompt({ push, sender: await nameOf(push), application: application.id })
    if (application.knowsRepeats !== true) await handing(push)
    let has = false
    try {
      has = await application.take(push)
    } catch (fault) {
      log.warn({ fault: String(fault), application: application.id }, 'an application could not take a Push')
    }
    if (has) await settled(push, 'displayed')
    else await this.unopened(push, 'not started')
  }
  private async unopened(push: ReceivedPush, why: NonNullable<PushNotice['unopened']>): Promise<void> {
    const { desktop, nameOf, settled } = this.parts
    await settled(push, 'unopened')
    const file = await desktop?.keep(contentOf(push), push.type)
    this.prompt({ push, sender: await nameOf(push), unopened: why, ...(file === undefined ? {} : { file }) })
  }
  private prompt(notice: PushNotice): void {
    const { log, prompters } = this.parts
    for (const prompter of prompters) {
      const failed = (fault: unknown): void => log.warn({ fault: String(fault) }, 'the user could not be told of a Push')
      try {
        Promise.resolve(prompter(notice)).catch(failed)
      } catch (fault) {
        failed(fault)
      }
    }
  }
}
