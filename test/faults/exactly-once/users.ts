/** The users of a campaign behind one socket: each has a device that comes and goes, and drops what it has had. */
import { Repeats } from '../../../elements/ue/agents/repeats.ts'
import type { Element, Exchange, Host } from '../../../signalling/index.ts'
import { type PushUser, password } from './plan.ts'

/** A message as its recipient was handed it. */
export interface Delivery {
  readonly source: string
  readonly number: number
}

/** A user, and the state of his device. */
export class CampaignUser {
  readonly user: PushUser
  readonly got: Delivery[] = []
  /** False: it answers 480. */
  awake = false
  registerNumber = 0
  private readonly repeats = new Repeats()

  constructor(user: PushUser) {
    this.user = user
  }
  /** Hands it over unless it came before; the list of repeats is written first, and outlives a crash of the device. */
  receive({ request }: Exchange): void {
    const { callId, cseq, from, fromTag } = request
    const source = from.uri.text
    if (this.repeats.isRepeat({ source, callId, cseq: cseq.number, fromTag })) return
    this.got.push({ source, number: Number(request.body.toString()) })
  }
}

interface CampaignUsersOptions {
  readonly users: readonly PushUser[]
  /** Route of an operator's proxy, in brackets. */
  readonly route: (operator: number) => string
  /** Port of the socket. */
  readonly port: () => number
  readonly host: string
}

export class CampaignUsers implements Element {
  readonly name = 'users'
  readonly claims = [{ method: '*' }]
  readonly all: readonly CampaignUser[]
  /** MESSAGEs that were delivered more than once to a device, which dropped the repeat. */
  repeated = 0
  /** Told of each message that a user of that operator is handed. */
  onDelivery: (operator: number) => void = () => undefined
  private readonly options: CampaignUsersOptions
  private readonly byName: ReadonlyMap<string, CampaignUser>
  private host!: Host

  constructor(options: CampaignUsersOptions) {
    this.options = options
    this.all = options.users.map((user) => new CampaignUser(user))
    this.byName = new Map(this.all.map((each) => [each.user.name, each]))
  }
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    const { request } = exchange
    const one = this.byName.get(request.uri.user ?? '')
    if (request.method !== 'MESSAGE' || one === undefined) return exchange.reply(405)
    if (!one.awake) return exchange.reply(480)
    const crash = this.host.ids.fraction()
    if (crash < 0.01) return exchange.reply(503) // it ends before it has handed anything over
    const before = one.got.length
    one.receive(exchange)
    if (one.got.length === before) this.repeated++
    else this.onDelivery(one.user.operator)
    if (crash > 0.99) return exchange.reply(503) // and here behind it
    exchange.reply(200)
  }
  /** Status of a REGISTER of a user's device. @param expires seconds; 0: it leaves */
  async register(one: CampaignUser, expires: number): Promise<number> {
    const { name, operator, uri } = one.user
    const { host, port, route } = this.options
    const instance = `00000000-0000-1000-8000-${name.slice(1).padStart(12, '0')}`
    const contact = `<sip:${name}@${host}:${port()}>;+sip.instance="<urn:uuid:${instance}>"`
    const headers = [
      ['Contact', contact],
      ['Expires', String(expires)],
    ] as const
    const cseq = (one.registerNumber += 2) // a challenge takes the number between
    const more = { callId: `register-${name}`, cseq, headers, credentials: { user: name, password } }
    return (await this.host.send({ method: 'REGISTER', to: uri, from: uri, route: [route(operator)], ...more })).status
  }
}
