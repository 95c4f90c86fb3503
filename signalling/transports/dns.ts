/** The domain name system as locate.ts wants it: answers with their life, remembered, bounded in number and in time. */
import { Resolver as SystemResolver } from 'node:dns/promises'
import type { Clock } from '../clock.ts'

export interface NaptrRecord {
  readonly order: number
  readonly preference: number
  readonly flags: string
  readonly service: string
  readonly replacement: string
}

export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly name: string
}

interface AddressRecord {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

/** Each resolves with the records found, an empty list where there surely are none, and rejects where nobody can tell now. */
export interface Resolver {
  naptr(name: string): Promise<readonly NaptrRecord[]>
  srv(name: string): Promise<readonly SrvRecord[]>
  addresses(name: string, family: 4 | 6): Promise<readonly AddressRecord[]>
}

/** Asks the machine's name servers, or the ones given (`address` or `address:port`). Connects to nothing before it is asked. */
export function systemResolver(servers: readonly string[] = []): Resolver {
  const resolver = new SystemResolver({ timeout: 1200, tries: 2 })
  if (servers.length > 0) resolver.setServers(servers)
  return {
    naptr: (name) => orNothing(resolver.resolveNaptr(name)),
    srv: (name) => orNothing(resolver.resolveSrv(name)),
    addresses: (name, family) =>
      orNothing(family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true })),
  }
}

const nothingThere = ['ENODATA', 'ENOTFOUND']

async function orNothing<Found>(answer: Promise<readonly Found[]>): Promise<readonly Found[]> {
  try {
    return await answer
  } catch (fault) {
    if (nothingThere.includes((fault as { code?: string }).code ?? '')) return []
    throw fault
  }
}

interface CachedAnswer {
  readonly answer: Promise<readonly unknown[]>
  until: number
}

/** Milliseconds that an answer is remembered: A and AAAA as long as they say within these bounds, the rest `usual`. */
const life = { least: 5_000, most: 300_000, usual: 60_000, nothing: 10_000, failure: 3_000 }
const recordsAtMost = 16

/** Remembers answers. One question is asked once, however many wait for it. */
export class NameCache implements Resolver {
  private readonly clock: Clock
  private resolver: Resolver
  private readonly limit: number
  private readonly entries = new Map<string, CachedAnswer>()
  private readonly questions: number
  private asking = 0

  /**
   * @param limit names remembered at most
   * @param questions under way at most; who asks beyond that is told what was known last, or at once that nobody can tell
   */
  constructor(clock: Clock, resolver: Resolver, limit = 10_000, questions = 200) {
    this.clock = clock
    this.resolver = resolver
    this.limit = limit
    this.questions = questions
  }
  get size(): number {
    return this.entries.size
  }
  /** Asks that one from now on, and remembers no answer of another. */
  renew(resolver: Resolver): void {
    this.resolver = resolver
    this.entries.clear()
  }
  naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.ask(`N ${name}`, () => this.resolver.naptr(name), usually)
  }
  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.ask(`S ${name}`, () => this.resolver.srv(name), usually)
  }
  addresses(name: string, family: 4 | 6): Promise<readonly AddressRecord[]> {
    return this.ask(`${family} ${name}`, () => this.resolver.addresses(name, family), shortest)
  }
  private ask<Found>(
    key: string,
    question: () => Promise<readonly Found[]>,
    lifeOf: (found: readonly Found[]) => number,
  ): Promise<readonly Found[]> {
    const now = this.clock.now()
    const cached = this.entries.get(key)
    if (cached !== undefined && cached.until > now) return cached.answer as Promise<readonly Found[]>
    if (this.asking >= this.questions)
      return (
        (cached?.answer as Promise<readonly Found[]> | undefined) ??
        Promise.reject(new Error('too many names are being looked up'))
      )
    this.asking++
    const answer = this.askBounded(question)
    const entry: CachedAnswer = { answer, until: Number.POSITIVE_INFINITY }
    this.entries.delete(key)
    this.entries.set(key, entry)
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value!)
    const end = (ms: number): void => {
      this.asking--
      entry.until = this.clock.now() + ms
    }
    answer.then(
      (found) => end(found.length === 0 ? life.nothing : lifeOf(found)),
      () => end(life.failure),
    )
    return answer
  }
  /** A resolver that throws at once, on a name that it does not like, counts as one that rejects. */
  private async askBounded<Found>(question: () => Promise<readonly Found[]>): Promise<readonly Found[]> {
    const found = await question()
    return found.length > recordsAtMost ? found.slice(0, recordsAtMost) : found
  }
}

function usually(): number {
  return life.usual
}

function shortest(found: readonly AddressRecord[]): number {
  const ttl = Math.min(...found.map((record) => record.ttl * 1000))
  return Math.min(life.most, Math.max(life.least, ttl))
}
