/** A name service in a table: lines such as `far.example A 10.0.9.1`, and names that fail or never answer. */
import type { Resolver } from '../../signalling/index.ts'

export class Names implements Resolver {
  /** Questions in order, `TYPE name`. */
  readonly asked: string[] = []
  /** Names about which nobody can tell anything now. */
  readonly broken = new Set<string>()
  /** Names about which nobody ever answers. */
  readonly silent = new Set<string>()
  private readonly lines: (readonly string[])[]

  /** `ADDRESS`: `A`, `AAAA`, `SRV priority weight port target` or `NAPTR order preference flags service replacement`. */
  constructor(lines: readonly string[]) {
    this.lines = lines.map((line) => line.split(/\s+/))
  }
  private async ask<Found>(type: string, name: string, make: (fields: readonly string[]) => Found): Promise<readonly Found[]> {
    this.asked.push(`${type} ${name}`)
    if (this.silent.has(name)) return new Promise(() => undefined)
    if (this.broken.has(name)) throw new Error('SERVFAIL')
    return this.lines.filter(([owner, kind]) => owner === name && kind === type).map(([, , ...fields]) => make(fields))
  }
  naptr(name: string) {
    return this.ask('NAPTR', name, ([order, preference, flags = '', service = '', replacement = '']) => ({
      order: Number(order),
      preference: Number(preference),
      flags,
      service,
      replacement,
    }))
  }
  srv(name: string) {
    return this.ask('SRV', name, ([priority, weight, port, target = '']) => ({
      priority: Number(priority),
      weight: Number(weight),
      port: Number(port),
      name: target,
    }))
  }
  addresses(name: string, family: 4 | 6) {
    return this.ask(family === 4 ? 'A' : 'AAAA', name, ([address = '', ttl = '60']) => ({ address, ttl: Number(ttl) }))
  }
}
