/**
 * Feed of the devices near one device, shared by all that watch it. It is one standing `proximity` subscription
 * (SPEC §3.3, §3.4; FIG 12, 13), or one query each period (FIG 5). Its peers are the devices of the user's friends.
 */
import { type Host, mayBeRetried, type Notification, type Subscription, type Timer } from '../../signalling/index.ts'
import { mediaType, type Proximate, readBody, writeBody } from '../schemas/index.ts'
import { applyNear, type NearDevices } from '../shared/values/near.ts'
import { eventAtRates, type NotificationRates } from '../shared/values/rates.ts'
import type { FeedbackMode } from './settings.ts'

/** Settings of a feed's questions. */
export interface NearFeedOptions {
  readonly host: Host
  /** URI of the proximity server. */
  readonly prose: string
  readonly application: string
  readonly feedback: FeedbackMode
  /** Milliseconds. */
  readonly period: number
  /** Seconds between two reports of changes at least; undefined: none. */
  readonly gap: number | undefined
  readonly wake: boolean
  /** Only who is on a monitor list is heard, and a question asked once puts nobody there. */
  readonly listed: boolean
}

/** Devices to look for; undefined: all. */
export type PeerFilter = readonly string[] | undefined

interface NearListener {
  /** Another list than before; the first one too. */
  changed(): void
  /** No more answers: refused with that status, or ended for that reason. */
  ended(status: number, reason: string): void
}

const diffType = mediaType('proximity-diff')
const unreadable = 502 // instead of an answer: one that cannot be read
const mistrustFor = 1000 // milliseconds
const peersAtMost = 1000 // of a proximity-query
const seldom = 1000 // seconds between two NOTIFYs that nobody needs

/** Milliseconds that a first answer may take: less than our own asker has patience. */
export const patience = 4000

/** Asks once. A status where there is no answer. */
export function askNear(asking: NearFeedOptions, device: string, peers: PeerFilter): Promise<NearDevices | number> {
  if (peers?.length === 0) return Promise.resolve(new Map())
  return new Promise((settle) => {
    const near = new Map<string, Proximate>()
    const { prose, host } = asking
    const timer = host.clock.after(patience, () => settle(503))
    const resolve = (answer: NearDevices | number): void => {
      timer.cancel()
      settle(answer)
    }
    const body = questionOf(asking, device, peers)
    host.subscribe(
      { to: prose, event: 'proximity', expires: 0, asserted: host.uri, accept: [mediaType('proximity-list')], body },
      {
        notified: (notification) => resolve(take(asking, near, notification) ? near : unreadable),
        ended: ({ status, reason }) => resolve(status >= 300 ? status : reason === 'giveup' ? 503 : 403), // too long a list
      },
    )
  })
}

export class NearFeed {
  readonly device: string
  private readonly asking: NearFeedOptions
  private readonly listener: NearListener
  private readonly list = new Map<string, Proximate>()
  private peers: PeerFilter
  private subscription: Subscription | undefined
  private timer: Timer | undefined
  private turn = 0
  private stopped = false

  constructor(asking: NearFeedOptions, device: string, peers: PeerFilter, listener: NearListener) {
    this.asking = asking
    this.device = device
    this.peers = peers
    this.listener = listener
    this.ask()
  }

  get near(): NearDevices {
    return this.list
  }

  /** Looks for these from now on. */
  lookFor(peers: PeerFilter): void {
    if (this.stopped || samePeers(peers, this.peers)) return
    // a set may become another set, and nothing else: any other change is a question of its own
    const refreshes = this.subscription !== undefined && this.peers !== undefined && peers !== undefined && peers.length > 0
    this.peers = peers
    if (refreshes) return this.subscription!.refresh(questionOf(this.asking, this.device, peers))
    this.forgo()
    this.ask()
  }

  stop(): void {
    this.stopped = true
    this.forgo()
  }

  private forgo(): void {
    this.turn++ // one that waits to come back ends at once: that end counts no more
    this.subscription?.unsubscribe()
    this.subscription = undefined
    this.timer?.cancel()
  }

  private ask(): void {
    const { asking, peers } = this
    if (peers?.length === 0) return this.nobody()
    const { feedback, period, gap } = asking
    const counts = this.asOfNow()
    if (feedback === 'poll') {
      // a set query keeps friends on the device's monitor list (SPEC §3.3), in each of its forms
      if (asking.listed && peers !== undefined) this.subscribe({ gap: seldom }, counts, () => undefined)
      return void this.poll(counts)
    }
    this.subscribe({ period: feedback === 'period' ? period / 1000 : undefined, gap }, counts, (notification) => {
      if (notification.state === 'terminated') return
      if (!take(asking, this.list, notification)) this.mistrust()
      this.listener.changed()
    })
  }
  /** A body that cannot be read makes nobody near: the whole list is asked for again, in a while. */
  private mistrust(): void {
    this.list.clear()
    const { turn } = this
    this.timer?.cancel()
    this.timer = this.asking.host.clock.after(mistrustFor, () => {
      if (!this.stopped && turn === this.turn) this.subscription?.refresh()
    })
  }
  private subscribe(rates: NotificationRates, counts: () => boolean, notified: (notification: Notification) => void): void {
    const { asking, device, peers } = this
    const event = eventAtRates('proximity', rates)
    const body = questionOf(asking, device, peers)
    this.subscription = asking.host.subscribe(
      { to: asking.prose, event, asserted: asking.host.uri, accept: [diffType], body },
      {
        notified: (notification) => {
          if (counts()) notified(notification)
        },
        ended: ({ status, reason }) => {
          if (counts()) this.over(status, reason)
        },
      },
    )
  }

  /** Whether the question asked now is still the one that counts. */
  private asOfNow(): () => boolean {
    const turn = ++this.turn
    return () => !this.stopped && turn === this.turn
  }

  /** No friend has a device: nobody needs to be asked. */
  private nobody(): void {
    this.list.clear()
    const counts = this.asOfNow()
    this.asking.host.clock.soon(() => {
      if (counts()) this.listener.changed()
    })
  }

  private async poll(counts: () => boolean): Promise<void> {
    const near = await askNear(this.asking, this.device, this.peers)
    if (!counts()) return
    if (typeof near === 'number' && near < 500 && !mayBeRetried(near)) return this.over(near, '')
    if (typeof near !== 'number' || near === unreadable) {
      this.list.clear()
      for (const [device, entry] of near === unreadable ? [] : (near as NearDevices)) this.list.set(device, entry)
      this.listener.changed()
    }
    this.timer = this.asking.host.clock.after(this.asking.period, () => void this.poll(counts))
  }

  private over(status: number, reason: string): void {
    this.stopped = true
    this.timer?.cancel()
    this.listener.ended(status, reason)
  }
}

function questionOf({ application, wake }: NearFeedOptions, device: string, peers: PeerFilter) {
  return writeBody('proximity-query', {
    device,
    application,
    ...(peers === undefined ? {} : { peers: peers.slice(0, peersAtMost), ...(wake ? { wake } : {}) }),
  })
}

/** False: it says nothing that can be read, which the log says. */
function take({ host }: NearFeedOptions, near: Map<string, Proximate>, { request }: Notification): boolean {
  const read = request.contentType === diffType ? readBody(request, 'proximity-diff') : readBody(request, 'proximity-list')
  if (read.fault === undefined) applyNear(near, read.value)
  else {
    host.count('feeds_unreadable')
    host.log.error({ fault: read.fault.warning }, 'the proximity server tells nothing that can be read: nobody counts as near')
  }
  return read.fault === undefined
}

function samePeers(a: PeerFilter, b: PeerFilter): boolean {
  return a === undefined || b === undefined ? a === b : a.length === b.length && a.every((peer, i) => peer === b[i])
}
