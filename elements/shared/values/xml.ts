/** XML as elements write it. */

/** As text or as the value of an attribute; a character that XML cannot hold becomes a question mark. */
export function escaped(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '?')
    .replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
