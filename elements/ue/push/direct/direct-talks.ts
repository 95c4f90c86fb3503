/** Direct talks of a Push client (SPEC §5.7): calls to whom a name means, and calls that come in. */
import type { AgentResponse } from '../../agents/agent.ts'
import type { IncomingCall } from '../../agents/calls.ts'
import type { PushDestinationName } from '../finding/identifier-finder.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import { DirectTalk, type DirectTalkParts, descriptionIn, type TalkEnd, type TalkListener } from './direct-talk.ts'

interface DirectTalksParts extends DirectTalkParts {
  readonly client: UePushClient
}

/** A caller, before he is answered. */
export interface Caller {
  /** URI, as the network vouches; undefined: he stays unknown. */
  readonly source: string | undefined
  /** For people. */
  readonly name: string
  /** Called where he hangs up before he is answered. */
  onCancelled(listener: () => void): void
}

export interface DirectTalkListener extends TalkListener {
  /** Text without a path has gone as a Push; told before the end. */
  pushed?(sent: SentPush): void
}

/** Undefined: its user takes no call. The talk is there as soon as it is connected. */
type TalkAnswerer = (caller: Caller) => Promise<((talk: DirectTalk) => DirectTalkListener) | undefined>

export class DirectTalks {
  private readonly parts: DirectTalksParts
  private readonly talks = new Set<DirectTalk>()

  constructor(parts: DirectTalksParts) {
    this.parts = parts
  }
  /** Calls whom that name means. A response: nobody was called. */
  async call(to: PushDestinationName, listener: DirectTalkListener): Promise<DirectTalk | AgentResponse> {
    const found = await this.parts.client.finder.destination(to)
    if ('status' in found) return { status: found.status, reason: '', warning: 'nobody, or more than one, has that name' }
    const talk: DirectTalk = DirectTalk.to(
      this.parts,
      found.uri,
      this.heardBy(listener, found.uri, () => this.talks.delete(talk)),
    )
    this.talks.add(talk)
    return talk
  }
  /** Calls that come in ring, and are answered by that one. */
  answerBy(answerer: TalkAnswerer): void {
    this.parts.agent.takeCalls((incoming) => this.take(incoming, answerer))
  }
  private async take(incoming: IncomingCall, answerer: TalkAnswerer): Promise<void> {
    const offer = descriptionIn(incoming)
    if (offer === undefined) return incoming.refuse(488, 'no text with candidates is offered; expected m=text with t140')
    let isCancelled = false
    incoming.onCancelled(() => {
      isCancelled = true
    })
    incoming.ring()
    const { asserted: source } = incoming
    const caller = { source, name: await this.nameOf(source), onCancelled: incoming.onCancelled }
    const answered = isCancelled ? undefined : await answerer(caller)
    if (answered === undefined) return incoming.refuse(480, 'its user takes no call now') // other devices may
    const talk = DirectTalk.of(this.parts, (made) => this.heardBy(answered(made), source, () => this.talks.delete(made)))
    this.talks.add(talk)
    await talk.answer(incoming, offer)
  }
  /** For people. What a caller says of himself counts nothing. */
  private async nameOf(source: string | undefined): Promise<string> {
    if (source === undefined) return 'somebody who stays unknown'
    return (await this.parts.client.finder.nameOf(source)) ?? source
  }
  private heardBy(listener: DirectTalkListener, to: string | undefined, over: () => void): TalkListener {
    return {
      ringing: () => listener.ringing?.(),
      connected: (path) => listener.connected(path),
      text: (text) => listener.text(text),
      ended: (end, unsent) => {
        over()
        const isToGo = to !== undefined && unsent !== '' && hasNoPath(end)
        const sent = isToGo ? this.push(to, unsent, listener) : Promise.resolve()
        sent
          .catch((fault: unknown) => this.parts.log.error({ fault: String(fault) }, 'what was written could not be sent'))
          .finally(() => listener.ended(end, unsent))
      },
    }
  }
  private async push(to: string, content: string, listener: DirectTalkListener): Promise<void> {
    listener.pushed?.(await this.parts.client.send({ to, type: 'text/plain; charset=utf-8', content }))
  }
  stop(): void {
    for (const talk of this.talks) talk.end()
    this.talks.clear()
  }
}

/** Whether text may go as a Push instead: nobody was reached, or no path was found. */
function hasNoPath(end: TalkEnd): boolean {
  return end.why === 'no-direct-path' || (end.why === 'refused' && [408, 480, 486, 487, 488, 503].includes(end.answer.status))
}
