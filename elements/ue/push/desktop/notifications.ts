/** Notifications of the desktop, by `notify-send`. */
import type { PushNotice, PushPrompter } from '../reception-parts.ts'
import { type RunProgram, runProgram } from './programs.ts'

/** Tells nothing where the program is missing. */
export function notificationPrompter(wordsOf: (notice: PushNotice) => string, run: RunProgram = runProgram): PushPrompter {
  return async (notice) => {
    const body = wordsOf(notice).replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`) // it may read markup
    await run('notify-send', ['--app-name=Proxima', '--', 'Push', body])
  }
}
