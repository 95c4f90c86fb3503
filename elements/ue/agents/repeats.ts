/** Repeats of MESSAGEs that a UE has (SPEC §5.5): known by source, Call-ID, CSeq and From tag, whatever their branch. */

interface RepeatableMessage {
  readonly source: string
  readonly callId: string
  readonly cseq: number
  readonly fromTag: string
}

const remembered = 10_000

export class Repeats {
  private readonly keys = new Set<string>()

  /** Whether it came before; it is remembered from now on. */
  isRepeat({ callId, cseq, fromTag, source }: RepeatableMessage): boolean {
    const key = JSON.stringify([source, callId, cseq, fromTag])
    if (this.keys.has(key)) return true
    this.keys.add(key)
    if (this.keys.size > remembered) this.keys.delete(this.keys.values().next().value!)
    return false
  }
}
