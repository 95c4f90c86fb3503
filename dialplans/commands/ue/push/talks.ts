/** Direct talks on the terminal: what is typed is said, a line at a time (SPEC §5.7). */
import {
  type AgentResponse,
  type Caller,
  type CallingAgent,
  type DirectTalk,
  type DirectTalkListener,
  DirectTalks,
  type TalkEnd,
  type UePushClient,
} from '../../../../elements/ue/index.ts'
import type { Clock, HostPort, Ids, Log } from '../../../../signalling/index.ts'
import { mediaSockets } from '../../../../signalling/tools.ts'
import { CommandRefusal } from '../../support/refusal.ts'
import type { UeLines } from '../lines.ts'
import { sentWords } from '../text-message.ts'
import type { TerminalQuestions } from './questions.ts'

interface TerminalTalksParts {
  readonly agent: CallingAgent
  readonly client: UePushClient
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly lines: UeLines
  readonly questions: TerminalQuestions
  /** Address of the server. */
  readonly server: HostPort
  /** Calls that come in are taken after a question, without one, or not at all. */
  readonly answers: 'ask' | 'always' | 'never'
}

const longestLine = 2_000 // characters, after which a line is shown without its end

export class TerminalTalks {
  private readonly parts: TerminalTalksParts
  private readonly talks: DirectTalks
  private isBusy = false

  constructor(parts: TerminalTalksParts) {
    const { agent, answers, client, clock, ids, log, server } = parts
    this.parts = parts
    this.talks = new DirectTalks({ agent, client, clock, ids, log, open: mediaSockets(server.host), stunServers: [server] })
    if (answers !== 'never') this.talks.answerBy((caller) => this.answer(caller))
  }
  /**
   * Resolves when the talk is over: whether there was one. Throws a `CommandRefusal` where nobody has that name.
   * @param ordinary address of a user of that name, for one whom no entry and no address book knows
   */
  async call(name: string, ordinary: (name: string) => string): Promise<boolean> {
    const found = await this.parts.client.finder.destination(name)
    const isNobody = 'status' in found && found.status !== 485 && /^[\w.+-]+$/.test(name)
    this.isBusy = true
    let over: (isReached: boolean) => void = () => undefined
    const end = new Promise<boolean>((resolve) => {
      over = resolve
    })
    const talk = await this.talks.call(isNobody ? ordinary(name) : name, this.listener(name, over))
    if ('status' in talk)
      throw new CommandRefusal(`${name}: ${wordsOf(name, talk)}; expected a name, an address or an identifier`)
    this.begin(talk, true)
    return end
  }
  /** One at a time: a second call is declined, and other devices may take it. */
  private async answer(caller: Caller): Promise<((talk: DirectTalk) => DirectTalkListener) | undefined> {
    if (this.isBusy) return undefined
    this.isBusy = true
    const isTaken = this.parts.answers === 'always' || (await this.ask(caller))
    if (!isTaken) {
      this.isBusy = false
      return undefined
    }
    return (talk) => {
      this.begin(talk, false)
      return this.listener(caller.name)
    }
  }
  private async ask({ name, onCancelled }: Caller): Promise<boolean> {
    const { lines, questions } = this.parts
    const question = `${name} wants to talk with you directly; answer? [y/N]`
    const { answer, withdraw } = questions.put(() => lines.tell({ kind: 'question', question }), false)
    onCancelled(() => {
      lines.tell({ kind: 'talk', peer: name, state: 'ended', why: 'the caller has hung up' })
      withdraw()
    })
    return (await answer) !== 'no'
  }
  private begin(talk: DirectTalk, isOwn: boolean): void {
    this.parts.questions.talkBy((line) => talk.write(`${line}\r\n`), isOwn)
  }
  private listener(peer: string, over: (isReached: boolean) => void = () => undefined): DirectTalkListener {
    const { lines } = this.parts
    let heard = ''
    let isReached = false
    return {
      ringing: () => lines.tell({ kind: 'talk', peer, state: 'ringing' }),
      connected: ({ host, port }) => {
        isReached = true
        lines.tell({ kind: 'talk', peer, state: 'direct', path: `${host}:${port}` })
      },
      text: (text) => {
        const parts = `${heard}${text}`.split(/\r?\n|\u2028/)
        heard = parts.pop()!
        if (heard.length > longestLine) parts.push(heard.slice(0, longestLine))
        if (heard.length > longestLine) heard = ''
        for (const said of parts) lines.tell({ kind: 'said', peer, text: said })
      },
      pushed: (sent) => lines.tell({ kind: 'sent', ...sent, to: sent.to ?? peer } as Parameters<UeLines['tell']>[0]),
      ended: (end) => {
        this.isBusy = false
        this.parts.questions.talkBy(undefined)
        lines.tell({ kind: 'talk', peer, state: 'ended', why: endWords(peer, end) })
        over(isReached)
      },
    }
  }
  stop(): void {
    this.talks.stop()
  }
}

const ends: { readonly [why in Exclude<TalkEnd['why'], 'refused'>]: string } = {
  peer: 'the other side has ended it',
  'no-direct-path': 'no direct path was found within 5 s; what you wrote goes as a Push',
  lost: 'the direct path is gone',
  'no-socket': 'no socket can be had for it',
}

function endWords(peer: string, end: TalkEnd): string {
  return end.why === 'refused' ? wordsOf(peer, end.answer) : ends[end.why]
}

function wordsOf(to: string, { status, reason, warning }: AgentResponse): string {
  return sentWords({ to, status, reason, ...(warning === undefined ? {} : { warning }) }).replace(/^message/, 'call')
}
