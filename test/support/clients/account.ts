/** Accounts that clients of ours sign in with. */
export interface Account {
  /** `wss://127.0.0.1:8443`. */
  readonly server: string
  readonly user: string
  readonly password: string
  /** Parameters of its Contact URI. */
  readonly contact?: { readonly [name: string]: string }
  /** Seconds; default 600. */
  readonly expires?: number
}

/** Takes a command, without its line end; what happens is said a line each. The lines are those of test/interop/peers/driven.ts. */
export type Client = (account: Account, say: (line: string) => void) => (line: string) => void

/** URI of a user of the default network, or of whom stands with a domain. */
export function uriOfUser(user: string): string {
  return user.includes('@') ? `sip:${user}` : `sip:${user}@localhost`
}

/** The first words of a line, and its rest. */
export function words(line: string, count: number): readonly string[] {
  const found: string[] = []
  let rest = line
  for (let i = 0; i < count; i++) {
    const space = rest.indexOf(' ')
    found.push(space < 0 ? rest : rest.slice(0, space))
    rest = space < 0 ? '' : rest.slice(space + 1)
  }
  return [...found, rest]
}

/** Percent-encoded: all but letters and digits. */
export function escaped(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}
