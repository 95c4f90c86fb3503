/** A transaction table on a bench: virtual time, one flow that records, and users that note what they are told. */
import { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import type { ClientTransaction, ClientUser } from '../../../signalling/transactions/client.ts'
import type { ServerTransaction } from '../../../signalling/transactions/server.ts'
import { TransactionTable } from '../../../signalling/transactions/table.ts'
import type { Flow } from '../../../signalling/transports/transport.ts'
import { type RequestParts, requestText } from '../../support/wire.ts'

export class BenchFlow implements Flow {
  readonly id = 'bench'
  readonly transport = 'MEM'
  readonly reliable: boolean
  longest?: number
  readonly local = { host: '10.0.0.1', port: 5060 }
  readonly remote = { host: '10.0.0.2', port: 5060 }
  readonly trusted = false
  open = true
  identity: string | undefined = undefined
  constructor(reliable: boolean) {
    this.reliable = reliable
  }
  send(): boolean {
    return this.open
  }
  close(): void {
    this.open = false
  }
}

export class Bench {
  readonly clock = new ManualClock()
  readonly flow: BenchFlow
  readonly table: TransactionTable
  /** What was put on the flow: method or status, and when. */
  readonly sent: (readonly [what: string | number, at: number])[] = []
  readonly bytes: Buffer[] = []
  /** Responses that the flow could not carry. */
  readonly tooLong: number[] = []
  readonly served: ServerTransaction[] = []
  readonly acks: SipRequest[] = []

  constructor(reliable = false, limit = 1000) {
    this.flow = new BenchFlow(reliable)
    this.table = new TransactionTable({
      clock: this.clock,
      ids: seededIds(1),
      limit,
      user: {
        onRequest: (side) => {
          side.admitted = true // as if somebody vouched for the peer
          this.served.push(side)
        },
        onAck: (request) => this.acks.push(request),
      },
      tooLong: (_flow, _method, status) => this.tooLong.push(status),
      transmit: (flow, bytes) => {
        if (!flow.send(bytes)) return false
        const message = scan(bytes)
        this.bytes.push(Buffer.from(bytes))
        this.sent.push([message instanceof SipRequest ? message.method : (message?.status ?? 'noise'), this.clock.now()])
        return true
      },
    })
  }
  /** A request comes from the peer. */
  receive(method: string, parts: RequestParts = {}): void {
    const request = scan(Buffer.from(requestText(method, 'sip:bob@localhost', { branch: 'z9hG4bK-one', ...parts })))
    if (!(request instanceof SipRequest) || request.fault !== undefined) throw new Error(`not sound: ${method}`)
    this.table.receiveRequest(request, this.flow)
  }
  respond(side: ServerTransaction, status: number): void {
    const request = side.answered ? this.lastOf() : side.request
    side.respond(status, buildResponse(request, status, status > 100 ? { toTag: 'us' } : {}))
  }
  private lastOf(): SipRequest {
    return scan(Buffer.from(requestText('INVITE', 'sip:bob@localhost', { branch: 'z9hG4bK-one' }))) as SipRequest
  }
  /** Starts a client transaction; what its user is told ends in `told`. */
  client(method: string, parts: RequestParts = {}): { transaction: ClientTransaction; outcomes: (number | string)[] } {
    const outcomes: (number | string)[] = []
    const user: ClientUser = {
      onResponse: (response) => outcomes.push(response.status),
      onNoResponse: (status) => outcomes.push(`none ${status}`),
    }
    const transaction = this.table.client(method, this.flow, user, parts.branch)
    transaction.begin(
      Buffer.from(requestText(method, 'sip:bob@localhost', { branch: transaction.branch, via: '10.0.0.1', ...parts })),
    )
    return { transaction, outcomes }
  }
  /** The peer answers what was sent as number `index` (from the end if negative). */
  answer(status: number, index = 0, toTag = 'peer'): void {
    const request = scan(this.bytes.at(index)!)
    if (!(request instanceof SipRequest)) throw new Error('no request was sent there')
    const response = scan(buildResponse(request, status, status > 100 ? { toTag } : {}))
    if (!(response instanceof SipResponse)) throw new Error('no response')
    this.table.receiveResponse(response)
  }
  get left(): number {
    return this.table.serverCount + this.table.clientCount
  }
  request(index: number): SipRequest {
    return scan(this.bytes.at(index)!) as SipRequest
  }
}
