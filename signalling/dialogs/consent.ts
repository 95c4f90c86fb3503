/** Consent of an element to a NOTIFY that is due, where its package has to admit each one. */
import type { EventPackage, Notifier } from '../element.ts'

interface ConsentOwner extends Notifier {
  /** The element lets it go, and has said so later than it was asked. */
  resume(): void
  /** It does not. */
  denied(): void
  /** No answer. */
  unsaid(): void
}

export class Consent {
  private readonly pack: EventPackage
  private readonly owner: ConsentOwner
  private state: 'none' | 'asked' | 'given' = 'none'

  constructor(pack: EventPackage, owner: ConsentOwner) {
    this.pack = pack
    this.owner = owner
  }
  /** Whether the NOTIFY goes now; if the element cannot say at once, its owner hears of it. */
  isGiven(): boolean {
    if (this.state !== 'none') return this.state === 'given'
    const answer = this.pack.admit!(this.owner)
    if (typeof answer === 'boolean') return this.settle(answer)
    this.state = 'asked'
    answer.then(
      (admitted) => {
        if (this.settle(admitted)) this.owner.resume()
      },
      () => {
        this.reset()
        this.owner.unsaid()
      },
    )
    return false
  }
  /** The next NOTIFY is another one. */
  reset(): void {
    this.state = 'none'
  }
  private settle(admitted: boolean): boolean {
    this.state = admitted ? 'given' : 'none'
    if (!admitted) this.owner.denied()
    return admitted && this.owner.live
  }
}
