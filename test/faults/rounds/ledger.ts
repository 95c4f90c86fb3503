/** Ledger of one value: what a server has acknowledged of it, compared with what it holds after a kill. */

/** Something of which the server acknowledges changes. */
export interface Kept {
  readonly title: string
  /** Asks for another value and resolves with what it is then; undefined: refused, or nobody said. Empty: there is none. */
  change(): Promise<string | undefined>
  /** What the server holds. */
  read(): Promise<string>
  /** The value that the change under way leads to, where it is known before. */
  readonly wanted: string | undefined
  /** Begins anew with something of the same kind: nobody knows which of two values is held. */
  renew(): Promise<void>
}

export class Ledger {
  readonly kept: Kept
  changes = 0
  /** Undefined until the first change is acknowledged. */
  private value = ''
  private uncertain = false

  constructor(kept: Kept) {
    this.kept = kept
  }
  /** One change after the other until told to stop; the last one may have been cut off. */
  async run(going: () => boolean): Promise<void> {
    while (going() && !this.uncertain) {
      const outcome = await this.kept.change()
      if (outcome === undefined) this.uncertain = true
      else {
        this.value = outcome
        this.changes++
      }
    }
  }
  /** What is wrong; undefined: the server holds what it has acknowledged. */
  async fault(): Promise<string | undefined> {
    const { title, wanted } = this.kept
    const held = await this.kept.read()
    const allowed = this.uncertain ? [this.value, wanted] : [this.value]
    if (this.uncertain && wanted === undefined) return undefined
    if (!allowed.includes(held)) return `${title}: '${held}' is held, '${allowed.join("' or '")}' was acknowledged`
    return undefined
  }
  async settle(): Promise<void> {
    if (this.uncertain) {
      await this.kept.renew()
      this.value = ''
    }
    this.uncertain = false
  }
}
