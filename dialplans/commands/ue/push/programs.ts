/** Programs that know no Push, served by `proxima ue` over HTTP on this machine, both ways. */
import type { HttpRoute } from '../../../../elements/shared/http/route.ts'
import { ProxyClient, type UePushClient } from '../../../../elements/ue/index.ts'
import { type Clock, type HostPort, type Log, printHostPort } from '../../../../signalling/index.ts'
import { isLoopback } from '../../../../signalling/tools.ts'
import { openHttp } from '../../../http/server.ts'
import { Metrics } from '../../../running/metrics.ts'
import { CommandRefusal } from '../../support/refusal.ts'
import type { ProgramAddress } from './options.ts'

interface ProgramsParts {
  readonly client: UePushClient
  readonly clock: Clock
  readonly log: Log
  readonly programs: readonly ProgramAddress[]
  readonly http: HostPort | undefined
}

const patience = 10_000 // milliseconds for a program's answer

/** Returns the way to end it. Throws a `CommandRefusal` where the address cannot be had. */
export async function servePrograms({ client, clock, http, log, programs }: ProgramsParts): Promise<() => Promise<void>> {
  const proxies = programs.map(
    ({ application, url }) =>
      new ProxyClient({ client, clock, application, post: (headers, content) => postTo(url, headers, content) }),
  )
  if (http === undefined || proxies.length === 0) return async () => undefined
  const side = await listen(http, proxies[0]!.routes, log)
  return () => side.close()
}

async function postTo(url: string, headers: { readonly [name: string]: string }, content: Buffer): Promise<number> {
  const signal = AbortSignal.timeout(patience)
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(content), redirect: 'manual', signal })
  await answer.body?.cancel()
  return answer.status
}

async function listen(http: HostPort, routes: readonly HttpRoute[], log: Log) {
  if (!isLoopback(http.host))
    throw new CommandRefusal(
      `--http ${printHostPort(http)} is for others too; expected an address of this machine alone, 127.0.0.1`,
    )
  try {
    return await openHttp({
      listen: http,
      health: () => ({ status: 'ok' }),
      metrics: new Metrics(() => []),
      api: () => ({ routes, access: { token: undefined, open: false }, log }),
      log,
    })
  } catch (error) {
    throw new CommandRefusal(`--http ${printHostPort(http)} cannot be had (${String(error)}); name another port`, error)
  }
}
