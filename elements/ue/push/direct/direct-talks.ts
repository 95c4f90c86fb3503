/** Direct talks of a Push client (SPEC §5.7): calls to whom a name means, and calls that come in. */
import type { AgentResponse } from '../../agents/agent.ts'
import type { IncomingCall } from '../../agents/calls.ts'
import type { PushDestinationName } from '../finding/identifier-finder.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import { DirectTalk, type DirectTalkParts, type TalkListener } from './direct-talk.ts'

interface DirectTalksParts extends DirectTalkParts {
  readonly client: UePushClient
}

/** A caller, before he is answered. */
export interface Caller {
  /** URI, as the network vouches; else as he says. */
  readonly source: string
  /** For people. */
  readonly name: string
  /** Called where he hangs up before he is answered. */
  onCancelled(listener: () => void): void
}

export interface DirectTalkListener extends TalkListener {
  /** Text without a path has gone as a Push. */
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
    const source = incoming.asserted ?? incoming.from
    incoming.ring()
    const known = await this.parts.client.finder.nameOf(source)
    const name = known ?? (incoming.name === undefined ? source : `"${incoming.name}" ${source}`)
    const answered = await answerer({ source, name, onCancelled: (listener) => incoming.onCancelled(listener) })
    if (answered === undefined) return incoming.refuse(603, 'its user takes no call now')
    const talk = DirectTalk.of(this.parts, (made) => this.heardBy(answered(made), source, () => this.talks.delete(made)))
    this.talks.add(talk)
    await talk.take(incoming)
  }
  private heardBy(listener: DirectTalkListener, to: string, over: () => void): TalkListener {
    return {
      ringing: () => listener.ringing?.(),
      connected: (path) => listener.connected(path),
      text: (text) => listener.text(text),
      ended: (end, unsent) => {
        over()
        listener.ended(end, unsent)
        if (end.why === 'no-direct-path' && unsent !== '') void this.push(to, unsent, listener)
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
