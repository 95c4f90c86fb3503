/** Folded header lines (RFC 3261 §7.3.1). Linear in their length: patterns that begin with white space are not, at 64 KiB of it. */

/** The value as one line: each fold, with the white space around it, is a single space, and so is a CR of its own. */
export function unfold(text: string): string {
  if (text.includes('\r')) return unfold(text.replaceAll('\r\n', '\n').replaceAll('\r', ' '))
  if (!text.includes('\n')) return text
  let line = ''
  for (const part of text.split('\n')) {
    const rest = part.trim()
    if (rest !== '') line += line === '' ? rest : ` ${rest}`
  }
  return line
}
