/**
 * Places on their way to askers (SPEC §8.4). A change of profile takes back what it forbids, until the asker has answered the
 * NOTIFY: that is not sent, or not sent again.
 */
import { type Host, type Notifier, seal } from '../../signalling/index.ts'
import type { Place } from '../schemas/index.ts'
import { isAsWide, type Permission, type PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import type { CoarsePlaces } from './coarse-places.ts'
import { locationDocument } from './location-document.ts'
import type { LocationPermissions } from './location-permissions.ts'
import type { LocationState } from './location-state.ts'

interface DisclosureParts {
  readonly host: Host
  readonly permissions: LocationPermissions
  readonly places: CoarsePlaces
  /** Key of the pseudonyms of devices. */
  readonly deviceKey: string
}

/** Somebody who is told a place, and the place. */
interface Telling {
  readonly notifier: Notifier<LocationState>
  readonly request: string
  readonly target: string
  readonly question: PrivacyQuestion
  readonly place: Place
  /** The target has been asked about this request, and lets it. */
  readonly isAllowed?: boolean | undefined
  /** The NOTIFY ends its subscription: there is none in which it could be told anew. */
  readonly isLast?: boolean
  /** False: it is too late. Left out: for as long as the subscription stands. */
  readonly isWanted?: () => boolean
  /** Gives the document to the notifier, in the same tick. */
  readonly give: (document: string) => void
}

/** Arrived; not allowed, so that nothing left; or nobody is there any more. */
type TellingOutcome = 'told' | 'withheld' | 'over'

interface Disclosure {
  readonly telling: Telling
  /** It was told by that. */
  readonly permission: Permission | undefined
  readonly settle: (outcome: 'told' | 'recalled' | 'over') => void
}

const keptFor = 3_600_000 // milliseconds for which a document may be kept by who gets it
const lastAtMost = 40_000 // milliseconds that a last NOTIFY may take: 64*T1, and its turn

export class Disclosures {
  private readonly parts: DisclosureParts
  private readonly ofNotifier = new Map<string, Disclosure>()
  private readonly ofTarget = new Map<string, Set<Disclosure>>()

  constructor(parts: DisclosureParts) {
    this.parts = parts
    parts.host.gauge('disclosures', () => this.ofNotifier.size)
  }

  /** Tells a place in as much detail as its target allows at that time, and until it has arrived. */
  async tell(telling: Telling): Promise<TellingOutcome> {
    const { isAllowed, isLast = false, notifier, place, question, target } = telling
    const { isWanted = () => notifier.live } = telling
    const { permissions, places } = this.parts
    for (;;) {
      const judged = JSON.stringify(permissions.of(target, question, place))
      const detail = await permissions.granted(target, question, { place, isAllowed })
      if (detail === undefined) return 'withheld'
      const known = await places.told(target, place, detail)
      if (!isWanted()) return 'over'
      if (JSON.stringify(permissions.of(target, question, place)) !== judged) continue
      const outcome = await this.underWay(telling, this.documentOf(telling, known))
      if (outcome !== 'recalled') return outcome
      if (isLast) return 'over'
    }
  }
  /** The asker has answered the NOTIFY under way. */
  acknowledged(notifier: Notifier): void {
    this.ofNotifier.get(notifier.id)?.settle('told')
  }
  /** Its subscription is over. */
  ended(notifier: Notifier): void {
    const disclosure = this.ofNotifier.get(notifier.id)
    if (disclosure?.telling.isLast !== true) disclosure?.settle('over')
  }
  /** The profile of a target is another: what it does not allow is taken back before this returns. */
  judge(target: string): void {
    for (const disclosure of [...(this.ofTarget.get(target) ?? [])]) {
      const { notifier, place, question } = disclosure.telling
      if (isAsWide(this.parts.permissions.of(target, question, place), disclosure.permission)) continue
      notifier.recall()
      disclosure.settle('recalled')
    }
  }

  private underWay(telling: Telling, document: string): Promise<'told' | 'recalled' | 'over'> {
    const { host, permissions } = this.parts
    const { give, isLast = false, notifier, place, question, target } = telling
    return new Promise((resolve) => {
      const timer = isLast ? host.clock.after(lastAtMost, () => disclosure.settle('over')) : undefined
      const disclosure: Disclosure = {
        telling,
        permission: permissions.of(target, question, place),
        settle: (outcome) => {
          if (!this.leave(disclosure)) return
          timer?.cancel()
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
  private documentOf(
    { place, question: { client }, request, target }: Telling,
    known: Awaited<ReturnType<CoarsePlaces['told']>>,
  ): string {
    const { deviceKey } = this.parts
    const device = pseudonym(seal(deviceKey, `${client} ${target}`, 43))
    const at = Date.parse(place.at)
    return locationDocument({ request, target, device }, { ...known, at, keepUntil: at + keptFor })
  }
}

/** URN of a device, by its seal: the same for each request of one client about one target. */
function pseudonym(sealed: string): string {
  const hex = Buffer.from(sealed, 'base64url').toString('hex')
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
