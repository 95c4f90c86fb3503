/**
 * Exactly once (SPEC §5.6): users who come and go send each other Pushes through two servers, one of which is killed every few
 * seconds. What a sender was told 2xx of reaches its recipient once, and in the order of its source.
 */
import type { Clock, Ids } from '../../../signalling/index.ts'
import type { CampaignSenders } from './senders.ts'
import type { CampaignUser, CampaignUsers } from './users.ts'

/** Two operators that a campaign may kill, in real or virtual time. */
export interface CampaignWorld {
  readonly clock: Clock
  readonly ids: Ids
  /** Ends an operator's node as `kill -9` does. */
  kill(operator: number): Promise<void>
  /** Starts it again over what it has kept. */
  start(operator: number): Promise<void>
}

export interface CampaignOptions {
  readonly messages: number
  /** Seconds over which they are sent. */
  readonly seconds: number
  readonly tell?: (line: string) => void
}

export interface CampaignOutcome {
  readonly sent: number
  readonly delivered: number
  readonly twice: number
  readonly outOfOrder: number
  readonly kills: number
  /** Messages that came to a device again, and were dropped by it. */
  readonly repeated: number
  /** Answers other than 2xx, by status, each of which was followed by another try. */
  readonly refusals: ReadonlyMap<number, number>
  /** Messages delivered a second, while they were sent. */
  readonly goodput: number
  /** Milliseconds from the start of a server that was killed to its first delivery, each time. */
  readonly firstDeliveries: readonly number[]
}

const presence = { least: 3, most: 12 } // seconds for which a device is there, or away
const betweenKills = { least: 2, most: 5 }
const triesAtMost = 100
const longestQuiet = 400 // seconds without a delivery after which the rest counts as lost: beyond the longest pause of a queue

export class ExactlyOnceCampaign {
  private readonly world: CampaignWorld
  private readonly users: CampaignUsers
  private readonly senders: CampaignSenders
  private readonly options: CampaignOptions
  private readonly refusals = new Map<number, number>()
  private sent = 0
  private kills = 0
  private going = true
  /** When each server was started again, where it has delivered nothing since. */
  private readonly restarts = new Map<number, number>()
  private readonly firstDeliveries: number[] = []

  constructor(world: CampaignWorld, users: CampaignUsers, senders: CampaignSenders, options: CampaignOptions) {
    this.world = world
    this.users = users
    this.senders = senders
    this.options = options
    users.onDelivery = (operator) => this.deliveredBy(operator)
  }
  private deliveredBy(operator: number): void {
    const since = this.restarts.get(operator)
    if (since === undefined) return
    this.restarts.delete(operator)
    this.firstDeliveries.push(this.world.clock.now() - since)
  }
  async run(): Promise<CampaignOutcome> {
    const { all } = this.users
    const begun = this.world.clock.now()
    const comings = all.map((one) => this.comeAndGo(one))
    const killing = this.killInTurn()
    await Promise.all(all.map((one, index) => this.sendAll(one, index)))
    const goodput = (this.delivered * 1000) / (this.world.clock.now() - begun)
    this.options.tell?.(`${this.sent} sent, ${this.delivered} delivered so far, ${this.kills} kills`)
    this.going = false
    await Promise.all([...comings, killing])
    for (const one of all) await this.present(one)
    await this.settled()
    const { firstDeliveries, kills, refusals, sent } = this
    return { ...this.judged(), sent, kills, repeated: this.users.repeated, refusals, goodput, firstDeliveries }
  }
  private get delivered(): number {
    return this.users.all.reduce((sum, { got }) => sum + got.length, 0)
  }
  private pass(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.clock.after(seconds * 1000, resolve)
    })
  }
  private between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + this.world.ids.fraction() * (most - least)
  }

  /** To one user of the same operator and one of the other, by turns; each message once the one before has its 2xx. */
  private async sendAll(one: CampaignUser, index: number): Promise<void> {
    const { all } = this.users
    const { messages, seconds } = this.options
    const own = Math.floor(messages / all.length) + (index < messages % all.length ? 1 : 0)
    const friends = [all[(index + 2) % all.length]!, all[(index + 3) % all.length]!] as const
    for (let n = 0; n < own; n++) {
      await this.pass((this.world.ids.fraction() * 2 * seconds) / own)
      await this.sendUntilTaken(one, friends[n % 2]!, Math.floor(n / 2) + 1)
      this.sent++
    }
  }
  private async sendUntilTaken({ user }: CampaignUser, friend: CampaignUser, number: number): Promise<void> {
    for (let tries = 1; tries <= triesAtMost; tries++) {
      const response = await this.senders.send(user, friend.user, number)
      if (response.status < 300) return
      this.refusals.set(response.status, (this.refusals.get(response.status) ?? 0) + 1)
      await this.pass(Math.min(Number(response.text('Retry-After') ?? 1), 5))
    }
    throw new Error(`${user.name} could not send: ${JSON.stringify([...this.refusals])}`)
  }
  /** A device that registers, sleeps without a word or leaves, and is back. */
  private async comeAndGo(one: CampaignUser): Promise<void> {
    await this.pass(this.world.ids.fraction() * presence.most)
    while (this.going) {
      await this.present(one)
      await this.pass(this.between(presence))
      one.awake = false
      if (this.world.ids.fraction() < 0.5) await this.users.register(one, 0)
      await this.pass(this.between(presence))
    }
  }
  private async present(one: CampaignUser): Promise<void> {
    one.awake = true
    for (let tries = 1; (await this.users.register(one, 3600)) !== 200; tries++) {
      if (tries > triesAtMost) throw new Error(`${one.user.name} cannot register`)
      await this.pass(1)
    }
  }
  private async killInTurn(): Promise<void> {
    while (this.going) {
      await this.pass(this.between(betweenKills))
      const operator = Math.floor(this.world.ids.fraction() * 2)
      this.restarts.delete(operator)
      await this.world.kill(operator)
      this.kills++
      await this.pass(this.world.ids.fraction())
      this.restarts.set(operator, this.world.clock.now())
      await this.world.start(operator)
    }
  }
  /** Until all has come, or nothing does any more. */
  private async settled(): Promise<void> {
    for (let quiet = 0; this.delivered < this.sent && quiet < longestQuiet; quiet++) {
      const before = this.delivered
      await this.pass(1)
      if (this.delivered > before) quiet = 0
    }
    await this.pass(5) // for what comes twice
  }
  private judged(): { readonly delivered: number; readonly twice: number; readonly outOfOrder: number } {
    let [delivered, twice, outOfOrder] = [0, 0, 0]
    for (const { got } of this.users.all) {
      for (const numbers of Map.groupBy(got, ({ source }) => source).values()) {
        const seen = new Set<number>()
        for (const { number } of numbers) {
          if (seen.has(number)) twice++
          else if (number !== seen.size + 1) outOfOrder++
          seen.add(number)
        }
        delivered += seen.size
      }
    }
    return { delivered, twice, outOfOrder }
  }
}
