/** Text that `proxima ue` sends by `--message`, and the line about its outcome. */
import type { UserAgent } from '../../../elements/ue/index.ts'
import { CommandRefusal } from '../support/refusal.ts'

interface TextMessage {
  readonly to: string
  readonly text: string
}

/** The final response to a MESSAGE. */
export interface SentMessage {
  readonly to: string
  readonly status: number
  readonly reason: string
  readonly warning?: string
  /** Nobody has said it: the status is our own. */
  readonly unheard?: true
}

/** The values of `--message <uri> <text>`. Throws a `CommandRefusal` where they are others. */
export function readTextMessage(values: readonly string[]): TextMessage {
  const [to, text, ...others] = values
  if (to === undefined || text === undefined || others.length > 0)
    throw new CommandRefusal(
      `--message has ${values.length} values; expected a user and one text in quotes, such as bob 'hello there', behind <user>`,
    )
  return { to, text }
}

/** Sends it. Never rejects. */
export async function sendText(agent: UserAgent, to: string, text: string): Promise<SentMessage> {
  const { status, reason, warning, unheard } = await agent.message(to, { type: 'text/plain', content: text })
  return { to, status, reason, ...(warning === undefined ? {} : { warning }), ...(unheard === undefined ? {} : { unheard }) }
}

export function isTaken({ status }: Pick<SentMessage, 'status'>): boolean {
  return status >= 200 && status < 300
}

/** The outcome for people. */
export function sentWords(sent: SentMessage): string {
  const { to, status, reason, warning, unheard } = sent
  const said = `${status} ${reason}${warning === undefined ? '' : `: ${warning}`}`
  if (unheard === true) return `message to ${to} not taken: nobody has answered (${said})`
  if (!isTaken(sent)) return `message to ${to} not taken${meaningOf(status)} (${said})`
  return `message to ${to} ${status === 202 ? 'kept until somebody is there' : 'taken'} (${said})`
}

/** A cause that the status says by itself; empty: none. */
function meaningOf(status: number): string {
  if (status === 403) return ', it is not permitted'
  if (status === 404 || status === 604) return ', nobody has that address'
  if (status === 408 || status === 480) return ', nobody is there now'
  if (status === 405 || status === 415) return ', texts are not taken there'
  if (status === 486 || status === 600 || status === 603) return ', its receiver declines'
  if (status >= 500 && status < 600) return ', a server on the way cannot now'
  return ''
}
