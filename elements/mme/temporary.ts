/** Temporary identifiers as text (SPEC §2.1), and their replacement by fixed ones in a JSON body. Pure. */

/** JSON as it comes out of `JSON.parse`. */
type Value = null | boolean | number | string | readonly Value[] | { readonly [member: string]: Value }

const anywhere = /[sp]-tmsi-[0-9a-f]{8}/i

/** Whether a temporary identifier, of any UE, is in that text. */
export function namesTemporary(text: string): boolean {
  return anywhere.test(text)
}

/** Whether a body may hold one: letters may be written as escapes. */
export function mayNameTemporary(body: Buffer): boolean {
  return /tmsi-|\\/i.test(body.toString('latin1'))
}

/**
 * The JSON text with every temporary identifier replaced by the result of `fixed`. Undefined: `fixed` does not know one of
 * them. Throws where the text is no JSON.
 */
export function withFixed(text: string, fixed: (temporary: string) => string | undefined): string | undefined {
  let unknown = false
  const map = (value: Value): Value => {
    if (typeof value === 'string') {
      if (!namesTemporary(value)) return value
      const fixedIdentifier = fixed(value)
      unknown ||= fixedIdentifier === undefined
      return fixedIdentifier ?? value
    }
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(map)
    const members = Object.entries(value as { readonly [member: string]: Value })
    unknown ||= members.some(([name]) => namesTemporary(name))
    return Object.fromEntries(members.map(([name, member]) => [name, map(member)]))
  }
  const mapped = map(JSON.parse(text) as Value)
  return unknown ? undefined : JSON.stringify(mapped)
}
