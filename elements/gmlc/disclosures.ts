/**
 * Places on their way to askers (SPEC §8.4). A change of profile takes back what it forbids, until the asker has answered the
 * NOTIFY: that is not sent, or not sent again.
 */
import { type Host, type Notifier, seal, type Timer } from '../../signalling/index.ts'
import type { LocationRequest, Place } from '../schemas/index.ts'
import { isAsWide, type Permission, type PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import type { CoarsePlaces } from './coarse-places.ts'
import { type EventReport, eventDocument, locationDocument } from './location-document.ts'
import type { LocationPermissions } from './location-permissions.ts'
import type { LocationState } from './location-state.ts'

interface DisclosureParts {
  readonly host: Host
  readonly permissions: LocationPermissions
  readonly places: CoarsePlaces
  /** Key of the pseudonyms of devices. */
  readonly deviceKey: string
  /** A place is on its way to an asker. */
  readonly leaves: (telling: Telling) => void
}

/** A request, and its asker. */
interface Asking {
  readonly notifier: Notifier<LocationState>
  readonly request: string
  readonly target: string
  readonly type: LocationRequest['type']
  /** Milliseconds since the epoch at which the request came. */
  readonly since: number
  readonly question: PrivacyQuestion
  /** Gives the document to the notifier, in the same tick. */
  readonly give: (document: string) => void
}

/** Somebody who is told a place, and the place. */
interface Telling extends Asking {
  readonly place: Place
  /** Of types area and moved: what has happened there. */
  readonly event?: EventReport
  /** Whether that is still what its asker may know; false: it is not told, and `stale`. */
  readonly isCurrent?: () => boolean
  /** Its asker wants no place. */
  readonly isEventOnly?: boolean
  /** Whether the target has been asked about this request, and lets it. */
  readonly isAllowed?: () => boolean
  /** The target has been told of the request. */
  readonly isNoticed?: boolean | undefined
  /** The NOTIFY ends its subscription: there is none in which it could be told anew. */
  readonly isLast?: boolean
  /** False: it is too late. Left out: for as long as the subscription stands. */
  readonly isWanted?: () => boolean
}

/** Arrived; not allowed, so that nothing left; or nobody is there any more. */
type TellingOutcome = 'told' | 'withheld' | 'over' | 'stale'

interface Disclosure {
  readonly telling: Asking & Partial<Telling>
  readonly document: string
  /** It was told by that. */
  readonly permission: Permission | undefined
  readonly settle: (outcome: 'told' | 'recalled' | 'over') => void
}

const keptFor = 3_600_000 // milliseconds for which a document may be kept by who gets it
const lookedAtEach = 40_000 // milliseconds: whether a last NOTIFY, which no end is told of, is still under way
const longestUnderWay = 100_000 // milliseconds that a NOTIFY may take, its turn and its ways

export class Disclosures {
  private readonly parts: DisclosureParts
  private readonly ofNotifier = new Map<string, Disclosure>()
  private readonly ofTarget = new Map<string, Set<Disclosure>>()
  /** Subscriptions whose last word is under way. */
  private readonly ending = new WeakSet<Notifier>()

  constructor(parts: DisclosureParts) {
    this.parts = parts
    parts.host.gauge('disclosures', () => this.ofNotifier.size)
  }

  /** Tells a place in as much detail as its target allows at that time, and until it has arrived. */
  async tell(telling: Telling): Promise<TellingOutcome> {
    const { isAllowed, isEventOnly = false, isLast = false, isNoticed = false, notifier, place, question, target, type } = telling
    const { isWanted = () => notifier.live && !this.ending.has(notifier) } = telling
    const { permissions, places } = this.parts
    for (let time = 0; ; time++) {
      const judged = JSON.stringify(permissions.of(target, question, place))
      const granted = await permissions.granted(target, question, { place, isAllowed: isAllowed?.(), type })
      if (granted === undefined) return 'withheld'
      const { civic, precision } = granted
      const detail = precision === undefined || isEventOnly ? undefined : { precision, ...(civic === undefined ? {} : { civic }) }
      const known = detail && (await places.told(target, place, detail))
      if (!isWanted()) return 'over'
      if (JSON.stringify(permissions.of(target, question, place)) !== judged) continue
      if (telling.isCurrent?.() === false) return 'stale'
      // whether it arrives is for its asker to say, who may lie
      this.parts.leaves(telling)
      if (time === 0 && !isNoticed) permissions.notice(target, question, place)
      const outcome = await this.underWay(telling, this.documentOf(telling, known))
      if (outcome !== 'recalled') return outcome
      if (isLast) return 'over'
    }
  }
  /** Tells that there is no place, until that has arrived. */
  async tellNote(asking: Asking, document: string): Promise<'told' | 'over'> {
    const { notifier } = asking
    if (!notifier.live || this.ending.has(notifier)) return 'over'
    return (await this.underWay(asking, document)) === 'told' ? 'told' : 'over'
  }
  /** The asker has answered a NOTIFY with that document, which may be an earlier one. */
  acknowledged(notifier: Notifier, document: string): void {
    const disclosure = this.ofNotifier.get(notifier.id)
    if (disclosure?.document === document) disclosure.settle('told')
  }
  /** Its subscription is over: what has not arrived is told no more. */
  ended(notifier: Notifier): void {
    this.ending.add(notifier)
    const disclosure = this.ofNotifier.get(notifier.id)
    if (disclosure === undefined || disclosure.telling.isLast === true) return
    notifier.recall()
    disclosure.settle('over')
  }
  /** The profile of a target is another, or a rule begins or ends: what is not allowed now is taken back before this returns. */
  judge(target: string): void {
    for (const disclosure of [...(this.ofTarget.get(target) ?? [])]) {
      const { notifier, place, question } = disclosure.telling
      if (isAsWide(this.parts.permissions.of(target, question, place), disclosure.permission)) continue
      notifier.recall()
      disclosure.settle('recalled')
    }
  }

  private underWay(telling: Disclosure['telling'], document: string): Promise<'told' | 'recalled' | 'over'> {
    const { clock } = this.parts.host
    const { permissions } = this.parts
    const { give, isLast = false, notifier, place, question, target } = telling
    return new Promise((resolve) => {
      const look = (): Timer => clock.after(lookedAtEach, () => (notifier.live ? (timer = look()) : disclosure.settle('over')))
      let timer = isLast ? look() : undefined
      const edge = permissions.nextEdge(target, question)
      const left = edge === undefined ? longestUnderWay : edge - clock.date()
      const atEdge = left < longestUnderWay ? clock.after(left, () => this.judge(target)) : undefined
      const disclosure: Disclosure = {
        telling,
        document,
        permission: permissions.of(target, question, place),
        settle: (outcome) => {
          if (!this.leave(disclosure)) return
          timer?.cancel()
          atEdge?.cancel()
          resolve(outcome)
        },
      }
      this.ofNotifier.set(notifier.id, disclosure)
      const others = this.ofTarget.get(target)
      if (others === undefined) this.ofTarget.set(target, new Set([disclosure]))
      else others.add(disclosure)
      give(document)
    })
  }
  /** False: it has been settled before. */
  private leave(disclosure: Disclosure): boolean {
    const { notifier, target } = disclosure.telling
    const all = this.ofTarget.get(target)
    if (all?.delete(disclosure) !== true) return false
    if (all.size === 0) this.ofTarget.delete(target)
    if (this.ofNotifier.get(notifier.id) === disclosure) this.ofNotifier.delete(notifier.id)
    return true
  }
  /** @param known left out: its event alone */
  private documentOf(
    { event, place, question: { client }, request, target }: Telling,
    known: Awaited<ReturnType<CoarsePlaces['told']>> | undefined,
  ): string {
    const { deviceKey } = this.parts
    const names = { request, target, device: pseudonym(seal(deviceKey, `${client} ${target}`, 43)) }
    const at = Date.parse(place.at)
    if (known === undefined) return eventDocument(names, event ?? { at })
    return locationDocument(names, { ...known, ...event, at, keepUntil: at + keptFor })
  }
}

/** URN of a device, by its seal: the same for each request of one client about one target. */
function pseudonym(sealed: string): string {
  const hex = Buffer.from(sealed, 'base64url').toString('hex')
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
