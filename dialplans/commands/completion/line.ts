/** A command line that is being typed, as words. */

export interface TypedLine {
  /** Words before the one at the cursor, without their quotes; the first is the program. */
  readonly words: readonly string[]
  /** The word at the cursor as far as it goes, '' behind a space. */
  readonly current: string
}

/** Words by the rules that shells share: spaces part them, quotes and a backslash hold them together. */
export function readLine(text: string): TypedLine {
  const parts = /"((?:\\.|[^"\\])*)"?|'([^']*)'?|\\(.?)|([^\s"'\\]+)|(\s+)/gs
  const words: string[] = []
  let current = ''
  let begun = false
  for (const [, double, single, escaped, plain, space] of text.matchAll(parts)) {
    if (space === undefined) {
      current += double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? plain ?? ''
      begun = true
    } else if (begun) {
      words.push(current)
      current = ''
      begun = false
    }
  }
  return { words, current }
}
