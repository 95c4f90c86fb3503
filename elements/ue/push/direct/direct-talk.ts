/** Two users talk directly (SPEC §5.7): a call by identifier, a path past the servers, and text over it. */
import type { Clock, HostPort, Ids, Log, MediaSocket, OpenMediaSocket } from '../../../../signalling/index.ts'
import { isStun } from '../../../../signalling/index.ts'
import type { AgentResponse, ReceivedBody } from '../../agents/agent.ts'
import type { AgentCall, CallingAgent, IncomingCall } from '../../agents/calls.ts'
import { PathChecks } from './path-checks.ts'
import { ReflexiveAddresses } from './reflexive.ts'
import { type CheckSecret, type DirectDescription, readDescription, writeDescription } from './session-description.ts'
import { TextStream } from './text-stream.ts'

export interface DirectTalkParts {
  readonly agent: CallingAgent
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly open: OpenMediaSocket
  /** Servers that tell a client its address as they see it: the Push server's, on its SIP port. */
  readonly stunServers: readonly HostPort[]
}

/** The end of a talk. `no-direct-path`: nothing has passed; `lost`: the path that there was carries nothing any more. */
export type TalkEnd =
  | { readonly why: 'peer' | 'no-direct-path' | 'lost' | 'no-socket' }
  | { readonly why: 'refused'; readonly answer: AgentResponse }

export interface TalkListener {
  ringing?(): void
  /** Text goes and comes from now on. @param path address of the other side */
  connected(path: HostPort): void
  /** As it was written, a part at a time. */
  text(text: string): void
  /** Told once, unless it was ended here. @param unsent what was written, and had no path */
  ended(end: TalkEnd, unsent: string): void
}

const sdp = 'application/sdp'
const noPath = 'SIP;cause=480;text="no-direct-path"'
const longestUnsent = 60_000 // characters

export class DirectTalk {
  private readonly parts: DirectTalkParts
  private readonly listener: TalkListener
  private readonly secret: CheckSecret
  private readonly reflexive: ReflexiveAddresses
  private readonly stream: TextStream
  private socket: MediaSocket | undefined
  private call: AgentCall | undefined
  private checks: PathChecks | undefined
  private path: HostPort | undefined
  private unsent = ''
  private isOver = false

  private constructor(parts: DirectTalkParts, listenerOf: (talk: DirectTalk) => TalkListener) {
    const { clock, ids, stunServers } = parts
    this.parts = parts
    this.listener = listenerOf(this)
    this.secret = { fragment: ids.hex(4), password: ids.hex(16) }
    this.reflexive = new ReflexiveAddresses({
      ...{ clock, ids, servers: stunServers },
      send: (bytes, to) => this.socket?.send(bytes, to),
    })
    this.stream = new TextStream({
      ...{ clock, ids },
      send: (bytes) => this.path !== undefined && this.socket?.send(bytes, this.path),
      text: (text) => this.listener.text(text),
    })
  }

  /** Calls a user by an identifier. */
  static to(parts: DirectTalkParts, to: string, listener: TalkListener): DirectTalk {
    const talk = new DirectTalk(parts, () => listener)
    talk.invite(to).catch((fault: unknown) => {
      parts.log.error({ fault: String(fault) }, 'a call could not be made')
      talk.fail({ why: 'no-direct-path' })
    })
    return talk
  }
  /** One for a call that came in. */
  static of(parts: DirectTalkParts, listenerOf: (talk: DirectTalk) => TalkListener): DirectTalk {
    return new DirectTalk(parts, listenerOf)
  }

  private async invite(to: string): Promise<void> {
    const own = await this.describe()
    if (own === undefined || this.isOver) return
    this.call = this.parts.agent.call(to, own, {
      ringing: () => this.listener.ringing?.(),
      answered: (answer) => {
        const peer = descriptionIn(answer)
        if (peer === undefined) this.fail({ why: 'no-direct-path' })
        else this.look(peer)
      },
      refused: (answer) => this.over({ why: 'refused', answer }),
      ended: (reason) => this.hungUp(reason),
    })
  }
  /** Answers a call with that offer. */
  async answer(incoming: IncomingCall, offer: DirectDescription): Promise<void> {
    incoming.onCancelled(() => this.over({ why: 'peer' }))
    const own = await this.describe()
    if (own === undefined || this.isOver) return incoming.refuse(500, 'no socket for the session')
    this.call = incoming.accept(own, { ended: (reason) => this.hungUp(reason) })
    if (this.call === undefined) return this.over({ why: 'peer' }) // he has hung up meanwhile
    this.look(offer)
  }
  /** Undefined: no socket can be had, or it is over. */
  private async describe() {
    const { ids, log, open } = this.parts
    try {
      this.socket = await open((bytes, from) => this.received(bytes, from))
    } catch (fault) {
      log.warn({ fault: String(fault) }, 'no socket for a session')
      this.over({ why: 'no-socket' })
      return undefined
    }
    if (this.isOver) return this.close()
    const { hosts } = this.socket
    const reflexive = await this.reflexive.gather()
    if (this.isOver) return undefined
    const seen = reflexive.filter(({ host, port }) => !hosts.some((own) => own.host === host && own.port === port))
    const id = String(Number.parseInt(ids.hex(6), 16))
    return { type: sdp, content: writeDescription({ hosts, reflexive: seen, secret: this.secret }, id) }
  }
  private look(peer: DirectDescription): void {
    const { clock, ids } = this.parts
    this.checks = new PathChecks({
      ...{ clock, ids, peer, own: this.secret, hosts: this.socket?.hosts ?? [] },
      send: (bytes, to) => this.socket?.send(bytes, to),
      found: (path) => {
        this.path = path
        this.stream.write(this.unsent)
        this.unsent = ''
        this.listener.connected(path)
      },
      failed: () => this.fail({ why: this.path === undefined ? 'no-direct-path' : 'lost' }),
    })
    this.checks.start()
  }
  private received(bytes: Buffer, from: HostPort): void {
    try {
      if (isStun(bytes)) {
        if (!this.reflexive.received(bytes)) this.checks?.received(bytes, from)
      } else if (this.checks?.isProven(from) === true) this.stream.received(bytes)
    } catch (fault) {
      this.parts.log.error({ fault: String(fault) }, 'a datagram of a talk could not be taken')
    }
  }

  /** Waits for a path where there is none yet. */
  write(text: string): void {
    if (this.isOver) return
    if (this.path !== undefined) this.stream.write(text)
    else this.unsent = (this.unsent + text).slice(0, longestUnsent)
  }
  /** Ends it; its listener hears nothing more. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.call?.hangUp()
    this.close()
  }
  private fail(end: TalkEnd): void {
    this.call?.hangUp(noPath)
    this.over(end)
  }
  /** The BYE of the other side; it may be the first to see that there is no path. */
  private hungUp(reason: string | undefined): void {
    this.over({ why: reason?.includes('"no-direct-path"') === true && this.path === undefined ? 'no-direct-path' : 'peer' })
  }
  private over(end: TalkEnd): void {
    if (this.isOver) return
    this.isOver = true
    this.close()
    this.listener.ended(end, this.unsent)
  }
  private close(): undefined {
    this.checks?.stop()
    this.stream.stop()
    this.socket?.close()
    this.socket = undefined
  }
}

export function descriptionIn({ body, contentType }: ReceivedBody): DirectDescription | undefined {
  return contentType === sdp ? readDescription(body.toString()) : undefined
}
