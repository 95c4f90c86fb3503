/** XML as elements write it. */

/** As text or as the value of an attribute; a character that XML cannot hold becomes a question mark. */
export function escaped(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '?')
    .replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Text with its character references resolved; one that is not known stays. */
export function unescaped(text: string): string {
  const named: { readonly [name: string]: string } = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
  return text.replace(/&(?:#(\d{1,6})|([a-z]+));/g, (whole, code: string | undefined, name: string) =>
    code === undefined ? (named[name] ?? whole) : String.fromCharCode(Number(code)),
  )
}
