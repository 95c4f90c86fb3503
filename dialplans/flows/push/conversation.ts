/** The same two Push clients over whatever way leads to their server: registered, sending and receiving, away and back. */
import type { UserAgent } from '../../../elements/ue/index.ts'
import type { Stage } from '../stage/flow.ts'
import { inbox, leave, pushText, texts } from './cast.ts'

interface ConversationUser {
  readonly address: string
  readonly push: string
  /** Base station through which the client attaches. */
  readonly station?: string
}

/** Statuses and texts of the whole conversation, one line. */
export async function conversation(stage: Stage, one: ConversationUser, other: ConversationUser): Promise<string> {
  const clientOf = ({ address, ...options }: ConversationUser): Promise<UserAgent> => stage.pushClient(address, options)
  const [a, b] = [await clientOf(one), await clientOf(other)]
  const [toOne, toOther] = [inbox(a), inbox(b)]
  const outcomes: number[] = []
  const register = async (agent: typeof a): Promise<void> => void outcomes.push((await stage.during(agent.register())).status)
  const send = async (agent: typeof a, { push }: ConversationUser, text: string): Promise<void> => {
    outcomes.push(await pushText(stage, agent, push, text))
  }
  await register(a)
  await register(b)
  await send(a, other, '1')
  await send(b, one, '2')
  await leave(stage, { agent: b })
  await send(a, other, '3')
  await register(b)
  await stage.until('what waited arrives', () => toOther.length >= 2)
  await send(a, { ...other, push: other.push.replace(/^../, '0e') }, '4') // nobody's
  return `${outcomes.join()} ${texts(toOne)} ${texts(toOther)}`
}

/** Outcomes that are the same by whichever way. */
export const usualConversation = '200,200,200,200,202,200,404 2 1,3'
