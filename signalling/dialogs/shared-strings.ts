/** One string for many equal ones: texts that thousands of dialogs have in common are kept once. */

const remembered = 10_000
const longest = 256 // characters; a longer text hardly comes again
const none: readonly string[] = []

export class SharedStrings {
  private readonly known = new Map<string, string>()

  of(text: string): string {
    const shared = this.known.get(text)
    if (shared !== undefined) return shared
    const kept = alone(text)
    if (kept.length > longest) return kept
    if (this.known.size >= remembered) this.known.clear()
    this.known.set(kept, kept)
    return kept
  }
  /** Subscribers that come by one flow have the very same routes. */
  list(texts: readonly string[]): readonly string[] {
    return texts.length === 0 ? none : texts.map((text) => this.of(text))
  }
}

/** A copy of the text: a slice would keep the whole string that it was cut from in memory. */
export function alone(text: string): string {
  return Buffer.from(text).toString()
}

/** One string for two equal texts: `kept`, which is kept anyway. */
export function either(text: string, kept: string): string {
  return text === kept ? kept : text
}
