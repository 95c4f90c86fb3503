/** Flag-bit table (SPEC §5.2): leads from the first bits of a Push identifier to its server, in the same time for any number of them. */

/** Identifiers that begin with those bits are at that server, a SIP URI. */
export interface FlagRoute {
  /** `0111`, or fewer bits where a server has all of an operator's. */
  readonly flags: string
  readonly server: string
}

const mostBits = 24
const digitsOfMost = 6 // hex digits

export class FlagTable {
  /** By number of bits, the most first: bits, read as a number -> server. */
  private readonly tables: readonly (readonly [bits: number, servers: ReadonlyMap<number, string>])[]

  /** Of two routes with the same bits the first counts. */
  constructor(routes: readonly FlagRoute[]) {
    const byBits = new Map<number, Map<number, string>>()
    for (const { flags, server } of routes) {
      const servers = byBits.get(flags.length) ?? new Map<number, string>()
      byBits.set(flags.length, servers)
      const value = Number.parseInt(flags, 2)
      if (!servers.has(value)) servers.set(value, server)
    }
    this.tables = [...byBits].sort(([a], [b]) => b - a)
  }
  /** Undefined: nobody has these flag bits. */
  serverOf(id: string): string | undefined {
    const first = Number.parseInt(id.slice(0, digitsOfMost), 16)
    for (const [bits, servers] of this.tables) {
      const server = servers.get(first >>> (mostBits - bits))
      if (server !== undefined) return server
    }
    return undefined
  }
}
