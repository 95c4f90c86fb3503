/** Push servers of a network with the flag bits of their identifiers (SPEC §5.1), from the settings that a dialplan gives them. */
import { flagBits, usualWidths } from '../identifiers/push.ts'

/** A Push server by its name. */
interface NumberedServer {
  readonly element: string
  /** `0011`: operator, then server. */
  readonly flags: string
}

/** The part of a Push server's settings that numbers it. */
interface ServerNumbers {
  readonly flags?: number
  readonly server?: number
  readonly widths?: { readonly operator?: number; readonly server?: number }
}

export function numberedServers(
  elements: readonly { readonly name: string; readonly settings: object }[],
): readonly NumberedServer[] {
  return elements.map(({ name, settings }) => {
    const { flags = 0, server = 0, widths } = settings as ServerNumbers
    return { element: name, flags: flagBits({ operator: flags, server }, { ...usualWidths, ...widths }) }
  })
}
