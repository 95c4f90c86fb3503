/** Registration of a UE in the terminal, and what a person is told where a server refuses it. */
import type { AgentResponse, Ue } from '../../../elements/ue/index.ts'
import type { Clock } from '../../../signalling/index.ts'
import { CommandRefusal } from '../support/refusal.ts'
import type { UeTransport } from './agent.ts'
import type { UeLines } from './lines.ts'

const patience = 10_000 // milliseconds that a server may take to answer at all

/** Resolves when it is registered. Rejects with a `CommandRefusal` that says why not. */
export async function registerUe(
  ue: Ue,
  server: string,
  transport: UeTransport,
  clock: Clock,
  lines: UeLines,
  ask: () => Promise<AgentResponse>,
): Promise<void> {
  const silence = new Promise<undefined>((resolve) => {
    clock.after(patience, () => resolve(undefined))
  })
  const answer = await Promise.race([ask(), silence])
  if (answer?.status !== 200) throw refusedRegistration(ue.device, server, transport, answer)
  lines.tell({ kind: 'registered', device: ue.device, server, transport })
}

function refusedRegistration(
  device: string,
  server: string,
  transport: UeTransport,
  answer: AgentResponse | undefined,
): CommandRefusal {
  const { status, reason, warning, unheard } = answer ?? { status: 408, unheard: true }
  if (unheard === true && status !== 408)
    return new CommandRefusal(
      `nobody answers at ${server} over ${transport}; start a server (proxima start), or name it by --server`,
    )
  if (unheard === true) {
    const within = `within ${patience / 1000} s`
    return new CommandRefusal(
      `no answer came from ${server} over ${transport} ${within}; is it a SIP server, and not too busy? see --server`,
    )
  }
  const said = `${status} ${warning ?? reason}`
  if (status === 401 || status === 407 || status === 403)
    return new CommandRefusal(
      `${server} does not let ${device} in (${said}): no such subscriber, or another password; see --password and --data`,
    )
  if (isPassing(status))
    return new CommandRefusal(
      `${server} answers, but cannot register ${device} now (${said}); try again, or look at the server's log`,
    )
  return new CommandRefusal(`${server} does not register ${device}: ${said}; see --domain and --server`)
}

/** Nothing is wrong with the question: the server, or somebody behind it, cannot answer it at the time. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 480 || status >= 500
}
