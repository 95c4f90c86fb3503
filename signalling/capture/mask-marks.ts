/** Marks of secrets in the bytes of a message, which is copied at the first one. */
const star = 42
const nine = 57

export class SecretMarks {
  private readonly source: Buffer
  private copy: Buffer | undefined = undefined

  constructor(source: Buffer) {
    this.source = source
  }
  /** The copy; undefined: there was no secret. */
  get result(): Buffer | undefined {
    return this.copy
  }
  /** Stars the bytes, but for the white space that folds lines. */
  text(from: number, to: number): void {
    this.copy ??= Buffer.from(this.source)
    for (let i = from; i < to; i++) if (this.copy[i]! > 32) this.copy[i] = star
  }
  /** Stars a string within quotes. */
  string(from: number, to: number): void {
    this.copy ??= Buffer.from(this.source)
    this.copy.fill(star, from, to)
  }
  /** Turns a digit of a number that has to stay one into a nine. */
  digit(at: number): void {
    this.copy ??= Buffer.from(this.source)
    this.copy[at] = nine
  }
}

/** Behind the quoted string that starts there (RFC 3261 §25.1), or the end of the text. */
export function quotedEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i + 1
  }
  return text.length
}
