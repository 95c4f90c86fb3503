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

export class WatchedList {
  private readonly options: WatchedListOptions
  private readonly subscriptions = new Map<string, Subscription>()
  private resources = new Map<string, Resource>()
  private stopped = false

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
  /** These are the resources from now on. */
  hold(uris: readonly string[]): void {
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
    this.resources.set(resource.uri, resource)
    this.options.changed()
  }
}
