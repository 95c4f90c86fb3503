/** Counters of the engine, plain numbers so that counting costs an addition. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly value: number
}

export class Stats {
  received = 0
  sent = 0
  malformed = 0
  noise = 0
  unsent = 0
  localHops = 0
  faults = 0
  private readonly counters = new Map<string, number>()
  private readonly gauges = new Map<string, () => number>()

  count(name: string, by: number): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by)
  }
  /** Returns the way to show it no more. */
  gauge(name: string, read: () => number): () => void {
    this.gauges.set(name, read)
    return () => {
      if (this.gauges.get(name) === read) this.gauges.delete(name)
    }
  }
  *metrics(): Iterable<Metric> {
    const engine: [string, string, number][] = [
      ['received', 'SIP messages received', this.received],
      ['sent', 'SIP messages sent', this.sent],
      ['malformed', 'SIP messages refused or dropped as malformed', this.malformed],
      ['noise', 'datagrams and frames that were no SIP message', this.noise],
      ['unsent', 'messages that a flow did not take', this.unsent],
      ['local_hops', 'messages between two elements of this node', this.localHops],
      ['faults', 'faults of elements, each of which cost one exchange', this.faults],
    ]
    for (const [name, help, value] of engine) yield { name: `proxima_${name}_total`, help, type: 'counter', value }
    for (const [name, value] of this.counters)
      yield { name: `proxima_${name}_total`, help: name.replaceAll('_', ' '), type: 'counter', value }
    for (const [name, read] of this.gauges)
      yield { name: `proxima_${name}`, help: name.replaceAll('_', ' '), type: 'gauge', value: read() }
  }
}
