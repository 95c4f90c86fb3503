/**
 * The Push client of a UE (SPEC §5.3, §5.5). It registers its user's device, and sends what applications give it.
 * It takes what comes, each once, over restarts, and hands it to the application that it is for.
 */
import type { Clock, Log, Store } from '../../../signalling/index.ts'
import { type Disposition, imdnType, readImdn } from '../../shared/values/imdn.ts'
import type { AgentResponse, IncomingMessage, UserAgent } from '../agents/agent.ts'
import { ClientReceipts } from './client-receipts.ts'
import { Consents } from './consents.ts'
import type { Desktop } from './desktop/desktop.ts'
import { DirectoryCache } from './finding/directory-cache.ts'
import { LocalEntries, type LocalEntry } from './finding/entries.ts'
import { type FindingPlace, IdentifierFinder } from './finding/identifier-finder.ts'
import { destinationOf, isReady, type OutgoingPush, type PushConverter, pushBody, type ReadyPush } from './outgoing-push.ts'
import { PushInbox } from './push-inbox.ts'
import { contentOf, pushOf, type ReceivedPush } from './received-push.ts'
import { Reception } from './reception.ts'
import type { OpenAsker, PushPrompter } from './reception-parts.ts'
import { type RunningApplication, RunningApplications } from './running-applications.ts'

export interface UePushClientOptions {
  readonly agent: UserAgent
  readonly clock: Clock
  /** Keeps what it took and the answers of its user; durable where they are to outlive the process. */
  readonly store: Store
  readonly log: Log
  /** The client's own people and applications. */
  readonly entries?: readonly LocalEntry[]
  /** Order in which names are looked up. Left out: in its entries, then in the network, then by the Push server. */
  readonly places?: readonly FindingPlace[]
  /** URI of the address book. Left out: `sip:addressbook@` the domain of its user. */
  readonly addressBook?: string
  readonly desktop?: Desktop
  /** URN that names the device, `urn:uuid:…`. Left out: its Contact does. */
  readonly instance?: string
  readonly prompters?: readonly PushPrompter[]
  /** Left out: applications are started without a question. */
  readonly ask?: OpenAsker
  /** Receipts that it tells, where a sender asks. Left out: all. */
  readonly receipts?: { readonly delivery: boolean; readonly display: boolean }
}

/** A receipt that came for a message of ours, and from whom. */
export interface PushReceipt {
  readonly messageId: string
  readonly disposition: Disposition
  readonly from: string
}

/** Outcome of a Push that was sent. */
export interface SentPush extends AgentResponse {
  /** URI that it went to; undefined: none was found. */
  readonly to: string | undefined
  /** Names it in its receipts. */
  readonly messageId: string
}

const tries = 3 // of a MESSAGE that nobody answers
const mostTags = 1000 // characters of a list of applications

export class UePushClient {
  readonly agent: UserAgent
  readonly finder: IdentifierFinder
  readonly running = new RunningApplications()
  private readonly options: UePushClientOptions
  private readonly inbox: PushInbox
  private readonly consents: Consents
  private readonly cache: DirectoryCache
  private readonly receipts: ClientReceipts
  private readonly reception: Reception
  private readonly listeners: ((receipt: PushReceipt) => void)[] = []

  constructor(options: UePushClientOptions) {
    const { agent, ask, clock, desktop, entries, log, prompters = [], receipts = { delivery: true, display: true } } = options
    const user = agent.identity
    const domain = user.split('@')[1]!
    this.options = options
    this.agent = agent
    this.inbox = new PushInbox({
      ...{ clock, log, store: options.store, user },
      newId: (length) => agent.newCallId().slice(0, length),
      tells: (disposition) => (disposition === 'delivered' ? receipts.delivery : receipts.display),
    })
    this.consents = new Consents(options, user)
    this.cache = new DirectoryCache(options, user)
    const local = new LocalEntries(domain, entries)
    const { addressBook = `sip:addressbook@${domain}`, places = ['local', 'network', 'server'] } = options
    this.finder = new IdentifierFinder({ agent, clock, local, cache: this.cache, addressBook, places })
    const { consents, inbox, running } = this
    this.receipts = new ClientReceipts({ agent, clock, inbox, log })
    this.reception = new Reception({
      ...{ ask, clock, consents, desktop, log, prompters, running },
      similarTo: (application) => local.similarTo(application),
      nameOf: (push) => this.nameOf(push),
      handing: ({ key }) => inbox.handing(key),
      settled: async (push, outcome) => {
        await inbox.settle(push, outcome)
        this.receipts.go()
      },
    })
  }

  /**
   * Takes what comes from now on, and goes on with what an earlier process took and has not handed over.
   * `receipts`: it takes those alone, and leaves all else for a client that comes later.
   */
  async start(takes: 'all' | 'receipts' = 'all'): Promise<void> {
    await Promise.all([this.inbox, this.consents, this.cache].map((part) => part.load()))
    this.agent.takeMessages((message) => this.take(message, takes))
    if (takes === 'receipts') return
    for (const push of this.inbox.unsettled()) this.accepted(push)
    this.receipts.go()
  }
  /** Keeps nothing in memory; the agent is its owner's to stop. */
  async stop(): Promise<void> {
    this.agent.takeMessages(() => undefined)
    this.receipts.stop()
    await Promise.all([this.inbox, this.consents, this.cache].map((part) => part.stop()))
  }

  /** Registers the device with its applications: those that run, and those that are installed for them (SPEC §5.1). */
  async register(seconds?: number): Promise<AgentResponse> {
    const installed = (await this.options.desktop?.installed()) ?? []
    const { ids } = this.running
    const named = [...new Set([...ids, ...installed.filter(({ isForPush }) => isForPush).map(({ id }) => id)])]
    const { instance } = this.options
    this.agent.contactParameters = [
      ...(instance === undefined ? [] : [['+sip.instance', `<${instance}>`] as const]),
      ...(named.length === 0 ? [] : [['+g.proxima.app', withinTag(named)] as const]),
      ...(ids.length === 0 ? [] : [['+g.proxima.running', withinTag(ids)] as const]),
    ]
    return this.agent.register(seconds)
  }

  /** From now on it gets what is for it. The next REGISTER says so. Returns the way to end it. */
  run(application: RunningApplication): () => void {
    return this.running.add(application)
  }
  onReceipt(listener: (receipt: PushReceipt) => void): void {
    this.listeners.push(listener)
  }
  /** Pushes that nothing could open, kept for a week. */
  unopened(): readonly ReceivedPush[] {
    return this.inbox.unopened()
  }

  /** Sends it. Never rejects: the final response, or 404, 485 or 503 where no destination is found. */
  async send(push: OutgoingPush | ReadyPush): Promise<SentPush> {
    const messageId = this.agent.newCallId()
    const wanted = isReady(push) ? destinationOf(push) : push.to
    const found = wanted === undefined ? { status: 404 as const, choices: [] } : await this.finder.destination(wanted)
    if ('status' in found) return { ...notFound(found.status, found.choices), to: undefined, messageId }
    const body = isReady(push) ? push.body : await this.bodyOf(push, found.uri, messageId)
    let answer = await this.agent.message(found.uri, body, messageId)
    for (let i = 1; i < tries && answer.unheard === true && answer.status === 408; i++)
      answer = await this.agent.message(found.uri, body, messageId) // the same one: who has it knows it again
    return { ...answer, to: found.uri, messageId }
  }
  /** Sends what a converter makes of a structure; undefined: it makes nothing of it. */
  async sendConverted(structure: unknown, convert: PushConverter): Promise<SentPush | undefined> {
    const push = convert(structure)
    return push && this.send(push)
  }
  private async bodyOf(push: OutgoingPush, to: string, messageId: string) {
    const { application: wanted } = push
    const application =
      wanted === undefined || typeof wanted === 'string'
        ? wanted
        : await this.finder.application('content' in wanted ? wanted : { application: wanted.name })
    const from = push.cpimFrom ?? this.agent.identity
    return pushBody(push, { to, from, application, messageId, at: this.options.clock.date() })
  }

  private take(message: IncomingMessage, takes: 'all' | 'receipts'): Promise<number> | undefined {
    const push = pushOf(message, this.options.clock.date())
    if (push === undefined) return undefined
    if (push === 'unreadable') return Promise.resolve(415) // RFC 3261 §8.2.3
    return takes === 'receipts' && push.type !== imdnType ? Promise.resolve(480) : this.keep(push)
  }
  /** 200 once it is durable. */
  private async keep(push: ReceivedPush): Promise<number> {
    const { log } = this.options
    try {
      const taken = await this.inbox.take(push)
      if (taken === 'full') return 480
      if (taken === 'new') this.options.clock.soon(() => this.accepted(push)) // behind the 200
      return 200
    } catch (fault) {
      log.error({ fault: String(fault) }, 'the store fails: a Push is not taken')
      return 500
    }
  }
  private accepted(push: ReceivedPush): void {
    if (push.type === imdnType) return void this.hear(push)
    this.receipts.go()
    this.reception.receive(push)
  }
  /** A receipt is for who sent, and makes no noise. */
  private async hear(push: ReceivedPush): Promise<void> {
    await this.inbox.handing(push.key)
    const { disposition, messageId } = readImdn(contentOf(push))
    if (disposition === undefined || messageId === undefined) return
    for (const listener of this.listeners) listener({ disposition, messageId, from: push.source })
  }

  /** Its sender for people: by the client's own entries, the network's directory, or the name that he gives himself. */
  async nameOf({ displayName, from, source }: ReceivedPush): Promise<string> {
    if (source === '') return 'somebody who stays unknown'
    const known = await this.finder.nameOf(source)
    return known ?? (displayName === undefined ? from : `"${displayName}" ${from}`)
  }
}

function withinTag(ids: readonly string[]): string {
  let text = ''
  for (const id of ids) if (text.length + id.length < mostTags) text += `${text === '' ? '' : ','}${id}`
  return text
}

function notFound(status: 404 | 485 | 503, choices: readonly string[]): AgentResponse {
  if (status === 485) return { status, reason: 'Ambiguous', warning: `several have that name: ${choices.join(' ')}` }
  if (status === 503) return { status, reason: 'Service Unavailable', warning: 'the address book does not answer' }
  return { status, reason: 'Not Found', warning: 'nobody has that name' }
}
