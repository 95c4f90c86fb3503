/** One list as one subscriber sees it: a subscription to each resource behind it, and what they have told. */
import type { Host, Notification, Subscription } from '../../signalling/index.ts'
import type { ListState, Resource } from './rlmi.ts'

export interface WatchedListOptions {
  readonly host: Host
  /** Of the list. */
  readonly uri: string
  /** On whose behalf resources are watched: they judge by that. */
  readonly watcher: string
  readonly event: string
  readonly accept: readonly string[]
  readonly changed: () => void
}

const gathering = 400 // ms in which the first NOTIFY waits for what the resources say

export class WatchedList {
  private readonly options: WatchedListOptions
  private readonly subscriptions = new Map<string, Subscription>()
  private resources = new Map<string, Resource>()
  private stopped = false
  private turns = 0
  /** Of the resources that are held. */
  private held = 0
  /** Called instead of `changed` once every resource has been heard of. */
  private waiting: (() => void) | undefined

  constructor(options: WatchedListOptions) {
    this.options = options
  }
  get state(): ListState {
    return { uri: this.options.uri, resources: new Map(this.resources) }
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
    const done = (): void => {
      if (this.waiting !== done) return
      this.waiting = undefined
      timer.cancel()
      then()
    }
    this.waiting = done
    const timer = this.options.host.clock.after(gathering, done)
    this.hold(uris, turn)
    if (this.complete) done()
  }
  /** These are the resources from now on, unless an answer to a later question has come. */
  hold(uris: readonly string[], turn = this.turn()): void {
    if (turn < this.held) return
    this.held = turn
    const wanted = new Set(uris)
    for (const [uri, subscription] of this.subscriptions) {
      if (wanted.has(uri)) continue
      subscription.unsubscribe()
      this.subscriptions.delete(uri)
    }
    this.resources = new Map([...wanted].map((uri) => [uri, this.resources.get(uri) ?? { uri, state: 'unknown' }]))
    for (const uri of wanted) if (!this.subscriptions.has(uri)) this.watch(uri)
  }
  /** Whoever has refused, or gone, is asked again. */
  again(): void {
    for (const { uri, state } of [...this.resources.values()]) if (state === 'terminated') this.watch(uri)
  }
  stop(): void {
    this.stopped = true
    for (const subscription of this.subscriptions.values()) subscription.unsubscribe()
    this.subscriptions.clear()
  }

  private watch(uri: string): void {
    const { host, watcher, event, accept } = this.options
    const subscription = host.subscribe(
      { to: uri, event, accept, from: watcher, asserted: watcher },
      {
        notified: (notification) => this.told(uri, notification),
        ended: ({ reason }) => this.set({ uri, state: 'terminated', reason: reason === '' ? 'noresource' : reason }),
      },
    )
    this.subscriptions.set(uri, subscription)
  }
  private told(uri: string, { request, state, reason }: Notification): void {
    const type = request.contentType
    const body = type === undefined ? undefined : { type, content: Buffer.from(request.body) }
    this.set({ uri, state, reason, body: state === 'active' ? body : undefined })
  }
  private set(resource: Resource): void {
    const before = this.resources.get(resource.uri)
    if (this.stopped || before === undefined) return
    if (before.state === 'terminated' && resource.state === 'terminated') return // its last NOTIFY has said so
    if (isSame(before, resource)) return
    this.resources.set(resource.uri, resource)
    if (this.waiting === undefined) this.options.changed()
    else if (this.complete) this.waiting()
  }
}

/** As a refresh tells it again. */
function isSame(a: Resource, b: Resource): boolean {
  if (a.state !== b.state || a.reason !== b.reason || a.body?.type !== b.body?.type) return false
  return a.body === undefined || b.body === undefined || a.body.content.equals(b.body.content)
}
