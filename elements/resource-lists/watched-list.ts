/** One list as one subscriber sees it: one subscription to each resource behind it, and the state of each. */
import type { Host, Notification, Subscription, Timer } from '../../signalling/index.ts'
import type { Pages } from './pages.ts'
import type { ListState, Resource } from './rlmi.ts'

interface WatchedListOptions {
  readonly host: Host
  readonly pages: Pages
  /** Of the list. */
  readonly uri: string
  /** On whose behalf resources are watched: they judge by that. */
  readonly watcher: string
  readonly event: string
  readonly accept: readonly string[]
  /** Resources are asked once, and nothing is subscribed to. */
  readonly fetch?: boolean
  readonly changed: () => void
}

const gathering = 400 // ms in which the first NOTIFY waits for the resources, once all are asked

export class WatchedList {
  private readonly options: WatchedListOptions
  private readonly subscriptions = new Map<string, Subscription>()
  private resources = new Map<string, Resource>()
  private shown: ListState | undefined
  private stopped = false
  private turns = 0
  /** Of the resources that are held. */
  private held = 0
  /** Called instead of `changed` once every resource has been heard of. */
  private waiting: (() => void) | undefined

  constructor(options: WatchedListOptions) {
    this.options = options
  }
  /** The same object until something changes. */
  get state(): ListState {
    return (this.shown ??= { uri: this.options.uri, resources: new Map(this.resources) })
  }
  /** Every resource has been heard of. */
  get complete(): boolean {
    for (const { state } of this.resources.values()) if (state === 'unknown') return false
    return true
  }
  /** To be taken before one asks who is on the list: answers may come in another order than the questions. */
  turn(): number {
    return ++this.turns
  }
  /** The first resources: calls `then` when all have spoken, or have had the time to; until then nothing has changed. */
  begin(uris: readonly string[], then: () => void, turn = this.turn()): void {
    let timer: Timer | undefined
    const done = (): void => {
      if (this.waiting !== done) return
      this.waiting = undefined
      timer?.cancel()
      then()
    }
    this.waiting = done
    this.hold(uris, turn, () => {
      if (this.complete) done()
      else timer = this.options.host.clock.after(gathering, done)
    })
  }
  /** These are the resources from now on, unless an answer to a later question has come. @param asked the new ones have been asked */
  hold(uris: readonly string[], turn = this.turn(), asked: () => void = () => undefined): void {
    if (turn < this.held) return asked()
    this.held = turn
    const wanted = new Set(uris)
    const { pages } = this.options
    this.resources = new Map([...wanted].map((uri) => [uri, this.resources.get(uri) ?? { uri, state: 'unknown' }]))
    this.shown = undefined
    pages.over(
      [...this.subscriptions.keys()].filter((uri) => !wanted.has(uri)),
      (uri) => this.leave(uri),
    )
    pages.over(
      [...wanted].filter((uri) => !this.subscriptions.has(uri)),
      (uri) => this.watch(uri),
      asked,
    )
  }
  /** Resources that have refused, or gone. */
  get gone(): readonly string[] {
    return [...this.resources.values()].flatMap(({ uri, state }) => (state === 'terminated' ? uri : []))
  }
  /** They are asked again. */
  again(): void {
    this.options.pages.over(this.gone, (uri) => {
      if (this.resources.get(uri)?.state !== 'terminated') return
      const before = this.subscriptions.get(uri)
      this.subscriptions.delete(uri)
      before?.unsubscribe() // it may be about to come back by itself
      this.watch(uri)
    })
  }
  stop(): void {
    this.stopped = true
    this.options.pages.over([...this.subscriptions.values()], (subscription) => subscription.unsubscribe())
    this.subscriptions.clear()
  }

  /** It may be on the list again since its turn was asked for. */
  private leave(uri: string): void {
    if (this.resources.has(uri)) return
    this.subscriptions.get(uri)?.unsubscribe()
    this.subscriptions.delete(uri)
  }
  private watch(uri: string): void {
    if (this.stopped || this.subscriptions.has(uri) || !this.resources.has(uri)) return
    const { host, watcher, event, accept, fetch } = this.options
    const subscription = host.subscribe(
      { to: uri, event, accept, from: watcher, asserted: watcher, ...(fetch === true ? { expires: 0 } : {}) },
      {
        notified: (notification) => {
          if (this.subscriptions.get(uri) === subscription) this.notified(uri, notification)
        },
        ended: ({ reason }) => {
          if (this.subscriptions.get(uri) === subscription) this.ended(uri, reason)
        },
      },
    )
    this.subscriptions.set(uri, subscription)
  }
  private ended(uri: string, reason: string): void {
    if (this.options.fetch === true && this.resources.get(uri)?.state !== 'unknown') return // it has been told before
    this.setAndTell({ uri, state: 'terminated', reason: reason === '' ? 'noresource' : reason })
  }
  private notified(uri: string, { request, state: said, reason }: Notification): void {
    const type = request.contentType
    const body = type === undefined ? undefined : { type, content: Buffer.from(request.body) }
    // RFC 6665 §4.4.3: a fetch ends with its state; nothing is told as long as it is pending
    const fetched = this.options.fetch === true && said === 'terminated' && reason === 'timeout'
    const state = !fetched ? said : body === undefined ? 'pending' : 'active'
    this.setAndTell({ uri, state, ...(fetched ? {} : { reason }), body: state === 'active' ? body : undefined })
  }
  private setAndTell(resource: Resource): void {
    const before = this.resources.get(resource.uri)
    if (this.stopped || before === undefined) return
    if (before.state === 'terminated' && resource.state === 'terminated') return // its last NOTIFY has said so
    if (isSame(before, resource)) return
    this.resources.set(resource.uri, resource)
    this.shown = undefined
    if (this.waiting === undefined) this.options.changed()
    else if (this.complete) this.waiting()
  }
}

/** As a refresh tells it again. */
function isSame(a: Resource, b: Resource): boolean {
  if (a.state !== b.state || a.reason !== b.reason || a.body?.type !== b.body?.type) return false
  return a.body === undefined || b.body === undefined || a.body.content.equals(b.body.content)
}
