/** Push servers of a network with the flag bits of their identifiers (SPEC §5.1), from the settings that a dialplan gives them. */
import type { FlagRoute } from '../identifiers/flag-table.ts'
import { type FlagWidths, flagBits } from '../identifiers/push.ts'

/** A Push server by its name. */
interface NumberedServer {
  readonly element: string
  /** `0011`: operator, then server. */
  readonly flags: string
}

/** The part of a network that numbers its Push servers. */
interface NumberingNetwork {
  /** Of the operator. */
  readonly flags: number
  readonly widths: FlagWidths
}

/** @param servers Push servers of that network, each with its own number in its settings */
export function numberedServers(
  { flags, widths }: NumberingNetwork,
  servers: readonly { readonly name: string; readonly settings: { readonly server?: unknown } }[],
): readonly NumberedServer[] {
  return servers.map(({ name, settings }) => {
    const server = typeof settings.server === 'number' ? settings.server : 0
    return { element: name, flags: flagBits({ operator: flags, server }, widths) }
  })
}

/** Routes to Push servers of that network, and to those of its peers that are known one by one. */
export function flagRoutesOf(
  network: NumberingNetwork & {
    readonly domains: readonly string[]
    readonly agreements: readonly { readonly servers: readonly FlagRoute[] }[]
  },
  servers: Parameters<typeof numberedServers>[1],
): readonly FlagRoute[] {
  const own = numberedServers(network, servers).map(({ element, flags }) => ({
    flags,
    server: `sip:${element}@${network.domains[0]}`,
  }))
  return [...own, ...network.agreements.flatMap((peer) => peer.servers)]
}

/** Name of Web Push among the values of `pn-provider`. */
export const webPushProvider = 'webpush'

/** Values of `pn-provider` by which a Push server with these settings wakes devices. */
export function wakingProviders(settings: { readonly wake?: unknown }): readonly string[] {
  const { webpush = true, webhooks = [] } = (settings.wake ?? {}) as {
    readonly webpush?: boolean
    readonly webhooks?: readonly { readonly name: string }[]
  }
  return [...(webpush ? [webPushProvider] : []), ...webhooks.map(({ name }) => name)]
}
