/** Addresses of a socket as servers see it (RFC 8489), asked before an offer or answer leaves. */
import {
  bindingRequest,
  type Clock,
  type HostPort,
  type Ids,
  readBindingAnswer,
  type Timer,
} from '../../../../signalling/index.ts'

interface ReflexiveParts {
  readonly clock: Clock
  readonly ids: Ids
  /** Servers to be asked; each may name another address of its own. */
  readonly servers: readonly HostPort[]
  send(bytes: Buffer, to: HostPort): void
}

const again = [100, 300, 700] // milliseconds after which a server is asked once more
const patience = 1_500 // milliseconds for all
const mostServers = 4

export class ReflexiveAddresses {
  private readonly parts: ReflexiveParts
  private readonly found: HostPort[] = []
  /** Transaction of each server that has not answered yet. */
  private readonly awaited = new Map<string, HostPort>()
  private readonly asked = new Set<string>()
  private readonly timers: Timer[] = []
  private settle: ((addresses: readonly HostPort[]) => void) | undefined

  constructor(parts: ReflexiveParts) {
    this.parts = parts
  }
  /** Resolves when all have answered, or after 1.5 s, with what is known by then: several where the NAT tells peers apart. */
  gather(): Promise<readonly HostPort[]> {
    if (this.parts.servers.length === 0) return Promise.resolve([])
    return new Promise((resolve) => {
      this.settle = resolve
      for (const server of this.parts.servers) this.ask(server)
      this.timers.push(this.parts.clock.after(patience, () => this.over()))
    })
  }
  private ask(server: HostPort): void {
    const name = `${server.host} ${server.port}`
    if (this.asked.has(name) || this.asked.size >= mostServers) return
    this.asked.add(name)
    const transaction = this.parts.ids.hex(12)
    this.awaited.set(transaction, server)
    const send = (): void => {
      if (this.awaited.has(transaction)) this.parts.send(bindingRequest(Buffer.from(transaction, 'hex')), server)
    }
    send()
    for (const ms of again) this.timers.push(this.parts.clock.after(ms, send))
  }
  /** False: it is no answer to one of these questions. */
  received(bytes: Buffer): boolean {
    const answer = readBindingAnswer(bytes)
    if (answer === undefined || !this.awaited.delete(answer.transaction)) return false
    const { mapped, other } = answer
    if (!this.found.some(({ host, port }) => host === mapped.host && port === mapped.port)) this.found.push(mapped)
    if (other !== undefined) this.ask(other)
    if (this.awaited.size === 0) this.over()
    return true
  }
  private over(): void {
    for (const timer of this.timers) timer.cancel()
    this.awaited.clear()
    this.settle?.(this.found)
    this.settle = undefined
  }
}
