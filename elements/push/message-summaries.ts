/** Message summaries (RFC 3842): a softphone sees that messages wait for its user, whichever device they wait for. */
import type { EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { SignedIn } from '../shared/clients/signed-in.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { isPushInForce } from '../shared/identifiers/push.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import { cpimIn } from '../shared/values/cpim.ts'
import { mediaTypeOf } from '../shared/values/media-type.ts'
import type { DeviceQueues } from './device-queues.ts'
import { codedBodyIn, type PushMessage } from './push-message.ts'
import { isHandedOver, type ServerRoutes } from './routes.ts'

/** Numbers of waiting messages of one context class (RFC 3458). */
interface WaitingCount {
  readonly all: number
  readonly urgent: number
}

interface MessageSummary {
  /** Address of record. */
  readonly account: string
  readonly text: WaitingCount
  readonly multimedia: WaitingCount
}

/** Part of a summary that a message counts for. */
interface MessageKind {
  readonly isText: boolean
  readonly isUrgent: boolean
}

interface SummaryPause {
  /** Messages have come or gone since the last summary. */
  isStale: boolean
}

const interval = 1000 // milliseconds between two summaries of one user, who may have 1,000 messages

export const summaryEvent = 'message-summary'
const summaryType = 'application/simple-message-summary'

export const summaryPackage: EventPackage<MessageSummary> = {
  name: summaryEvent,
  types: [summaryType],
  expires: { usual: 3600, max: 86_400 },
  same: (known, state) => JSON.stringify(known) === JSON.stringify(state),
  render: (state) => ({ type: summaryType, content: bodyOf(state) }),
}

interface MessageSummariesParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly queues: DeviceQueues
  readonly routes: ServerRoutes
  readonly signedIn: SignedIn
}

export class MessageSummaries {
  private readonly parts: MessageSummariesParts
  /** By address of record. */
  private readonly watchers = new SetIndex<string, Notifier<MessageSummary>>()
  /** Users who have been told within the interval. */
  private readonly pauses = new Map<string, SummaryPause>()
  /** Read once of each message, since a body may have 64 kB. */
  private readonly kinds = new WeakMap<PushMessage, MessageKind>()
  private isStopped = false

  constructor(parts: MessageSummariesParts) {
    this.parts = parts
    parts.queues.onChange((subscriber) => this.changed(subscriber))
  }
  stop(): void {
    this.isStopped = true
  }

  /** To a user about himself alone, at the server of his first identifier. */
  async handle(exchange: Exchange): Promise<void> {
    const { host, routes, subscribers } = this.parts
    const { asserted, request } = exchange
    const record = await subscribers.lookup(request.uri)
    const asker = asserted === undefined ? undefined : await subscribers.lookup(asserted.uri)
    if (asker === undefined || asker.id !== record?.id)
      return exchange.reply(403, { warning: 'you may watch your own messages only; expected your own address' })
    const first = this.identifierOf(record)
    const server = first === undefined ? undefined : routes.elementFor(first)
    if (server === undefined || (server !== host.name && isHandedOver(exchange)))
      return exchange.reply(404, { warning: 'you have no Push identifier; expected one in force' })
    if (server !== host.name) return void exchange.forward(routes.fellow(server, request.uri.text))
    const watcher = exchange.accept<MessageSummary>({
      package: summaryEvent,
      resource: record.id,
      state: this.summaryOf(record.id),
    })
    if (watcher.live) this.watchers.add(record.id, watcher)
    this.parts.signedIn.follow(watcher)
  }
  restored(notifier: Notifier): void {
    const watcher: Notifier<MessageSummary> = notifier
    this.watchers.add(notifier.resource, watcher)
    this.parts.signedIn.follow(notifier)
    watcher.notify(this.summaryOf(notifier.resource))
  }
  ended(notifier: Notifier): void {
    this.watchers.delete(notifier.resource, notifier)
  }

  private identifierOf({ push = [] }: SubscriberRecord): string | undefined {
    return push.find((one) => isPushInForce(one, this.parts.host.clock.date()))?.id
  }
  private changed(subscriber: string): void {
    const pause = this.pauses.get(subscriber)
    if (pause === undefined) this.tell(subscriber)
    else pause.isStale = true
  }
  private tell(subscriber: string): void {
    const watchers = [...this.watchers.of(subscriber)]
    if (watchers.length === 0) return
    const summary = this.summaryOf(subscriber)
    for (const watcher of watchers) watcher.notify(summary)
    const pause: SummaryPause = { isStale: false }
    this.pauses.set(subscriber, pause)
    this.parts.host.clock.after(interval, () => {
      this.pauses.delete(subscriber)
      if (pause.isStale && !this.isStopped) this.tell(subscriber)
    })
  }
  private summaryOf(account: string): MessageSummary {
    const { queues } = this.parts
    const waiting = queues.waitingFor(account).filter(({ id }) => queues.store.message(id) !== undefined)
    const kinds = waiting.map((message) => this.kindOf(message))
    return {
      account,
      text: countOf(kinds.filter(({ isText }) => isText)),
      multimedia: countOf(kinds.filter(({ isText }) => !isText)),
    }
  }
  private kindOf(message: PushMessage): MessageKind {
    let kind = this.kinds.get(message)
    if (kind === undefined) this.kinds.set(message, (kind = { isText: isText(message), isUrgent: isUrgent(message) }))
    return kind
  }
}

function countOf(kinds: readonly MessageKind[]): WaitingCount {
  return { all: kinds.length, urgent: kinds.filter(({ isUrgent }) => isUrgent).length }
}

function isUrgent({ headers }: PushMessage): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === 'priority' && /^(?:urgent|emergency)$/i.test(value.trim()))
}

/** In CPIM too. */
function isText(message: PushMessage): boolean {
  return (cpimIn(codedBodyIn(message))?.type ?? mediaTypeOf(message.type)).startsWith('text/')
}

/** RFC 3842 §5.2: new ones and old ones; what waits has been read by nobody. */
function bodyOf({ account, multimedia, text }: MessageSummary): string {
  const line = (name: string, { all, urgent }: WaitingCount): readonly string[] =>
    all === 0 ? [] : [`${name}: ${all}/0 (${urgent}/0)`]
  const isWaiting = text.all + multimedia.all > 0
  return [
    `Messages-Waiting: ${isWaiting ? 'yes' : 'no'}`,
    `Message-Account: ${account}`,
    ...line('Text-Message', text),
    ...line('Multimedia-Message', multimedia),
    '',
  ].join('\r\n')
}
