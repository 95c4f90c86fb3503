/** Metrics as Prometheus text: the node's counters and the process's own, read when asked. */
import type { Counter, Gauge, Registry } from 'prom-client'
import type { Metric } from '../../signalling/index.ts'

type PromClient = typeof import('prom-client')

interface MetricsText {
  readonly type: string
  readonly text: string
}

const scrapes = { name: 'proxima_scrapes_total', help: 'texts of metrics that were made', type: 'counter' } as const
const freshAtMost = 10 // a second; who asks more often gets the newest of these

export class Metrics {
  private readonly read: () => Iterable<Metric>
  private readonly now: () => number
  private since = -Infinity
  private fresh = 0
  private making = false
  private made = 0
  private newest: Promise<MetricsText> | undefined
  private readonly shown = new Map<string, Counter | Gauge>()
  private opened: Promise<{ readonly client: PromClient; readonly registry: Registry }> | undefined

  /** @param read called for each scrape @param now milliseconds, of a clock that never goes back */
  constructor(read: () => Iterable<Metric>, now = () => process.uptime() * 1000) {
    this.read = read
    this.now = now
  }

  /** Text of all metrics and its media type; one is made at a time, so that nobody keeps the node from its work. */
  scrape(): Promise<MetricsText> {
    const now = this.now()
    if (now - this.since >= 1000) {
      this.since = now
      this.fresh = 0
    }
    if (this.newest === undefined || (!this.making && this.fresh < freshAtMost)) {
      this.fresh++
      this.making = true
      this.newest = this.make().finally(() => {
        this.making = false
      })
    }
    return this.newest
  }
  /** The library is loaded with the first scrape: most starts see none. */
  private async make(): Promise<MetricsText> {
    const { client, registry } = await (this.opened ??= this.open())
    for (const metric of this.read()) this.show(client, registry, metric)
    this.show(client, registry, { ...scrapes, value: ++this.made })
    return { type: registry.contentType, text: await registry.metrics() }
  }

  private async open() {
    const client = await import('prom-client')
    const registry = new client.Registry()
    client.collectDefaultMetrics({ register: registry }) // CPU, memory, event-loop lag
    return { client, registry }
  }
  private show(client: PromClient, registry: Registry, { name, help, type, value }: Metric): void {
    const registers = [registry]
    let metric = this.shown.get(name)
    if (metric === undefined) {
      metric = type === 'counter' ? new client.Counter({ name, help, registers }) : new client.Gauge({ name, help, registers })
      this.shown.set(name, metric)
    }
    if (metric instanceof client.Gauge) metric.set(value)
    else {
      metric.reset()
      metric.inc(value)
    }
  }
}
