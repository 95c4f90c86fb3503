/** Metrics as Prometheus text: what a node counts, read when asked, and the process's own. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Metric } from '../signalling/index.ts'

export class Metrics {
  readonly contentType: string
  private readonly registry = new Registry()
  private readonly shown = new Map<string, Counter | Gauge>()
  private readonly read: () => Iterable<Metric>

  /** `read` is called for each scrape. */
  constructor(read: () => Iterable<Metric>) {
    this.read = read
    this.contentType = this.registry.contentType
    collectDefaultMetrics({ register: this.registry }) // CPU, memory, event-loop lag
  }

  text(): Promise<string> {
    for (const metric of this.read()) this.show(metric)
    return this.registry.metrics()
  }

  private show({ name, help, type, value }: Metric): void {
    const registers = [this.registry]
    let metric = this.shown.get(name)
    if (metric === undefined) {
      metric = type === 'counter' ? new Counter({ name, help, registers }) : new Gauge({ name, help, registers })
      this.shown.set(name, metric)
    }
    if (metric instanceof Gauge) metric.set(value)
    else {
      metric.reset()
      metric.inc(value)
    }
  }
}
