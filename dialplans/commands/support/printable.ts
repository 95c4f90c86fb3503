/** Text of peers made fit for a terminal: control characters are shown, and do nothing. */

// C0 without tab and line feed, DEL, C1, and marks that turn the direction of text.
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The text with each character that a terminal obeys as its `\u` escape. */
export function printable(text: string): string {
  return text.replace(obeyed, escaped)
}

/** The text on one line: line feeds and tabs are escaped too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n]/g, escaped)
}

/**
 * A line of JSON whose strings, once read, have nothing that a terminal obeys. Line feeds of a string stay: a stack
 * trace has them.
 */
export function printableJson(line: string): string {
  return printable(line.trimEnd()).replace(/\\(?:u[0-9a-fA-F]{4}|.)/g, (sequence) => {
    const text = JSON.parse(`"${sequence}"`) as string
    return text === '\n' || text === '\t' || printable(text) === text ? sequence : `\\${escaped(text)}`
  })
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
