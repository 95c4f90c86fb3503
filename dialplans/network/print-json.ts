/** Printer of JSON for people: a value that fits in a line stays in one. */

const width = 130

export function printJson(value: unknown): string {
  return `${printed(value, '', 1)}\n`
}

/** @param taken columns of the line that others need: a key before it, a comma behind it */
function printed(value: unknown, indent: string, taken: number): string {
  const line = inLine(value)
  if (typeof value !== 'object' || value === null || indent.length + taken + line.length <= width) return line
  const deeper = `${indent}  `
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const lines = Array.isArray(value)
    ? value.map((inner) => `${deeper}${printed(inner, deeper, 1)}`)
    : Object.entries(value).map(([key, inner]) => {
        const name = `${JSON.stringify(key)}: `
        return `${deeper}${name}${printed(inner, deeper, name.length + 1)}`
      })
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`
}

function inLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inLine).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${inLine(inner)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
