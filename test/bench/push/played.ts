/** Everybody whom servers in memory talk to, played by the bench: what the servers do counts as CPU, and nothing else does. */

import { SipRequest, SipResponse } from '../../../signalling/index.ts'
import type { ManualClock, MemoryNetwork } from '../../../signalling/testing.ts'
import { buildResponse } from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'

/** From a played host to a server, or back. */
export interface Datagram {
  readonly bytes: Buffer
  readonly from: string
  readonly to: string
}

interface ExchangeOutcome {
  /** Milliseconds of CPU. */
  readonly cpu: number
  /** Final responses. */
  readonly responses: readonly SipResponse[]
}

const port = 5060
const refill = 2000 // milliseconds after an exchange, in which rates recover
const mostRounds = 40

export class PlayedHosts {
  /** Status with which a played host answers a request; undefined: with none. */
  answer: (request: SipRequest) => number | undefined = () => 200
  private readonly clock: ManualClock
  private readonly network: MemoryNetwork
  private caught: Datagram[] | undefined

  constructor(clock: ManualClock, network: MemoryNetwork, hosts: readonly string[]) {
    this.clock = clock
    this.network = network
    network.fate = (from, to, bytes) => {
      if (this.caught === undefined || !hosts.includes(to.host)) return [1]
      this.caught.push({ bytes: Buffer.from(bytes), from: from.host, to: to.host })
      return []
    }
  }
  /** Sends requests at once, and goes on until each has its final response. */
  async exchange(requests: readonly Datagram[]): Promise<ExchangeOutcome> {
    this.caught = []
    let cpu = 0
    const responses: SipResponse[] = []
    let next = requests
    for (let rounds = 0; responses.length < requests.length && rounds < mostRounds; rounds++) {
      for (const { bytes, from, to } of next) this.network.carry({ host: from, port }, { host: to, port }, bytes)
      const before = process.cpuUsage()
      await this.clock.advance(5)
      const { system, user } = process.cpuUsage(before)
      cpu += (system + user) / 1000
      const came = this.caught
      this.caught = []
      next = came.flatMap((datagram) => this.reaction(datagram, responses))
    }
    this.caught = undefined
    if (responses.length < requests.length) throw new Error(`${responses.length} of ${requests.length} requests are answered`)
    await this.clock.advance(refill)
    return { cpu, responses }
  }
  private reaction({ bytes, from, to }: Datagram, responses: SipResponse[]): readonly Datagram[] {
    const message = scan(bytes)
    if (message instanceof SipResponse && message.status >= 200) responses.push(message)
    const status = message instanceof SipRequest ? this.answer(message) : undefined
    if (status === undefined) return []
    return [{ bytes: buildResponse(message as SipRequest, status, { toTag: 'p' }), from: to, to: from }]
  }
}

/** All of one status, or what they are. */
export function expectStatus(responses: readonly SipResponse[], status: number): void {
  const other = responses.find((response) => response.status !== status)
  if (other !== undefined) throw new Error(`a request got ${other.status} ${other.text('Warning') ?? ''}; expected ${status}`)
}

/** A request as bytes. */
export function written(lines: readonly string[], body = ''): Buffer {
  return Buffer.from([...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'))
}
