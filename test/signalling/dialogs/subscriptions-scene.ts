/** An element with two event packages, and watchers that are told word by word what to say. */
import type {
  Element,
  EventPackage,
  Exchange,
  Host,
  Node,
  Notifier,
  SipRequest,
  SipResponse,
  SubscriptionOptions,
} from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import type { Store, StoreWrite, WriteOutcome } from '../../../signalling/storage/store.ts'
import { Lab } from '../../support/lab.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

/** State: a number; undefined renders no body. */
export interface Tick {
  readonly value: number | undefined
}

function tickPackage(name: string, conditional: boolean): EventPackage<Tick> {
  return {
    name,
    types: ['application/tick+json', 'text/plain'],
    expires: { usual: 600, max: 3600 },
    conditional,
    render: ({ value }, { type, version, previous }) =>
      value === undefined
        ? undefined
        : { type, content: JSON.stringify({ value, version, ...(previous === undefined ? {} : { since: previous.value }) }) },
  }
}

export class Ticker implements Element {
  readonly name = 'ticker'
  readonly claims = [{ method: ['SUBSCRIBE', 'MESSAGE'] }]
  readonly packages = [tickPackage('tick', false), tickPackage('tagged', true)] as readonly EventPackage[]
  readonly notifiers: Notifier<Tick>[] = []
  readonly endings: (readonly [id: string, reason: string])[] = []
  restored: (notifier: Notifier) => void | Promise<void>
  host!: Host
  value: number | undefined = 1
  options: Partial<SubscriptionOptions<Tick>> = {}
  refreshed: NonNullable<Element['refreshed']> = () => undefined
  handle: (exchange: Exchange) => void | Promise<void> = (exchange) => this.accept(exchange)
  constructor() {
    this.restored = (notifier) => {
      this.notifiers.push(notifier as Notifier<Tick>)
      notifier.notify({ value: this.value })
    }
  }
  start(host: Host): void {
    this.host = host
  }
  accept(exchange: Exchange): void {
    const { request } = exchange
    this.notifiers.push(
      exchange.accept({
        package: request.event?.value ?? '',
        resource: request.uri.user,
        state: { value: this.value },
        ...this.options,
      }),
    )
  }
  ended(notifier: Notifier, reason: string): void {
    this.endings.push([notifier.id, reason])
  }
  get last(): Notifier<Tick> {
    return this.notifiers.at(-1)!
  }
}

/** A store that fails when told to. */
export class FailingStore implements Store {
  readonly name = 'failing'
  failing = false
  readonly get: Store['get']
  readonly scan: Store['scan']
  readonly watch: Store['watch']
  private readonly inner: Store
  constructor(inner: Store) {
    this.inner = inner
    this.get = inner.get.bind(inner)
    this.scan = inner.scan.bind(inner)
    this.watch = inner.watch.bind(inner)
  }
  write(writes: readonly StoreWrite[]): Promise<WriteOutcome> {
    return this.failing ? Promise.reject(new Error('no space')) : this.inner.write(writes)
  }
  close(): Promise<void> {
    return this.inner.close()
  }
}

/** A watcher's end: one dialog, whose NOTIFYs it answers as told. */
export class Watcher {
  readonly wire: Wire
  readonly pass: (ms: number) => Promise<void>
  /** Status for each NOTIFY; undefined: silence. */
  reply: (notify: SipRequest) => number | undefined = () => 200
  toTag: string | undefined
  cseq = 0
  private readonly callId: string
  constructor(wire: Wire, pass: (ms: number) => Promise<void>) {
    this.wire = wire
    this.pass = pass
    this.callId = `watch-${wire.here.host}`
    wire.onRequest = (request) => {
      const status = this.reply(request)
      if (status !== undefined) wire.answer(request, status)
    }
  }
  /** SUBSCRIBE in the dialog if there is one; gives the final response. */
  async subscribe(event = 'tick', expires: number | undefined = 600, parts: RequestParts = {}): Promise<SipResponse> {
    const before = this.wire.responses.length
    this.wire.send(
      requestText('SUBSCRIBE', 'sip:ticker@localhost', {
        via: this.wire.here.host,
        branch: `z9hG4bK-${this.wire.here.host}-${++this.cseq}`,
        cseq: this.cseq,
        callId: this.callId,
        ...(this.toTag === undefined ? {} : { toTag: this.toTag }),
        ...parts,
        lines: [
          ...(event === '' ? [] : [`Event: ${event}`]),
          ...(expires === undefined ? [] : [`Expires: ${expires}`]),
          ...(parts.lines ?? [`Contact: <sip:watcher@${this.wire.here.host}>`]),
        ],
      }),
    )
    await this.pass(20)
    const response = this.wire.responses[before]!
    if (response.status < 300) this.toTag ??= response.toTag
    return response
  }
  /** Distinct NOTIFYs in order. */
  get notifies(): readonly SipRequest[] {
    const seen = new Set<string>()
    return this.wire.requests.filter(({ via }) => !seen.has(via!.branch!) && seen.add(via!.branch!))
  }
  get states(): readonly string[] {
    return this.notifies.map((notify) => notify.text(H['Subscription-State'])!.replace(/;expires=\d+/, ''))
  }
  get values(): readonly (number | undefined)[] {
    return this.notifies.map((notify) =>
      notify.body.length === 0 ? undefined : (JSON.parse(notify.body.toString()) as { value: number }).value,
    )
  }
  get times(): readonly number[] {
    const distinct = new Set(this.notifies)
    return this.wire.arrivals.flatMap(({ message, at }) => (distinct.has(message as SipRequest) ? at : []))
  }
}

export class Scene {
  readonly lab = new Lab()
  readonly ticker: Ticker
  readonly store: FailingStore
  node!: Node
  private watchers = 0
  private constructor(ticker: Ticker) {
    this.ticker = ticker
    this.store = new FailingStore(memoryStore(this.lab.clock))
  }
  static async open(): Promise<Scene> {
    const scene = new Scene(new Ticker())
    scene.node = await scene.lab.serve(['localhost'], [scene.ticker], scene.store)
    return scene
  }
  readonly pass = (ms: number): Promise<void> => this.lab.clock.advance(ms)
  async watcher(): Promise<Watcher> {
    return new Watcher(await Wire.at(this.lab, `10.0.6.${++this.watchers}`), this.pass)
  }
  /** Ends the server without a word and starts it anew on the same store. */
  async restart(otherwise?: (ticker: Ticker) => void): Promise<Ticker> {
    await this.node.stop(0)
    const ticker = new Ticker()
    ticker.value = this.ticker.value
    otherwise?.(ticker)
    this.node = await this.lab.serve(['localhost'], [ticker], this.store)
    return ticker
  }
  get held(): number {
    return metric(this.node, 'subscriptions_held')
  }
  get faults(): number {
    return metric(this.node, 'faults_total')
  }
  async stored(): Promise<number> {
    let count = 0
    for await (const _ of this.store.scan('subscriptions/')) count++
    return count
  }
}
