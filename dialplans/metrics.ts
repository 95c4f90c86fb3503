/** Metrics as Prometheus text: what a node counts, read when asked, and the process's own. */
import type { Counter, Gauge, Registry } from 'prom-client'
import type { Metric } from '../signalling/index.ts'

type PromClient = typeof import('prom-client')

export class Metrics {
  private readonly read: () => Iterable<Metric>
  private readonly shown = new Map<string, Counter | Gauge>()
  private opened: Promise<{ readonly client: PromClient; readonly registry: Registry }> | undefined

  /** `read` is called for each scrape. */
  constructor(read: () => Iterable<Metric>) {
    this.read = read
  }

  /** Text of all metrics and its media type. The library is loaded with the first scrape: most starts see none. */
  async scrape(): Promise<{ readonly type: string; readonly text: string }> {
    const { client, registry } = await (this.opened ??= this.open())
    for (const metric of this.read()) this.show(client, registry, metric)
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
