/** One string for many equal ones: what thousands of dialogs have in common is kept once. */

const remembered = 10_000

export class Interned {
  private readonly known = new Map<string, string>()

  of(text: string): string {
    const known = this.known.get(text)
    if (known !== undefined) return known
    if (this.known.size >= remembered) this.known.clear()
    this.known.set(text, text)
    return text
  }
}
