/** One operator of a dialplan as it runs: its node, and its side of HTTP. */
import type { Log } from '../../../signalling/index.ts'
import { type HttpAccess, keepToken } from '../../http/access.ts'
import { type ApiOptions, hasRoutes, routesOf } from '../../http/options.ts'
import { type HttpSide, openHttp } from '../../http/server.ts'
import { type Dialplan, printListen } from '../../network/dialplan.ts'
import { CommandRefusal } from '../../network/refusal.ts'
import { plannedOf } from '../../network/roles.ts'
import { type RunningNode, type RunOptions, runNode } from '../../running/compose.ts'
import { faultOf, NodeHealth } from '../../running/health.ts'
import { Metrics } from '../../running/metrics.ts'
import { reload } from '../../running/reload.ts'
import { assembleDialplan } from '../support/network.ts'
import { refuseFaults } from '../support/refusal.ts'
import { announcement } from './announcement.ts'
import { exposure, type Surroundings } from './exposure.ts'

type OperatorOptions = Omit<RunOptions, 'dialplan' | 'assembled'> & { readonly surroundings: Surroundings }

interface OperatorParts {
  readonly running: RunningNode
  readonly health: NodeHealth
  readonly http: HttpSide | undefined
  readonly surroundings: Surroundings
}

export class RunningOperator {
  /** The dialplan that it was started with. */
  readonly dialplan: Dialplan
  readonly running: RunningNode
  private readonly parts: OperatorParts
  /** The one that was taken last. */
  private before: Dialplan

  private constructor(dialplan: Dialplan, parts: OperatorParts) {
    this.dialplan = this.before = dialplan
    this.running = parts.running
    this.parts = parts
  }
  /** Opens HTTP first, so that a port in use is told before anything is touched; unhealthy until the node runs. */
  static async start(dialplan: Dialplan, options: OperatorOptions): Promise<RunningOperator> {
    const { log, surroundings } = options
    const assembled = assembleDialplan(dialplan)
    const health = new NodeHealth(dialplan, assembled.elements)
    let running: RunningNode | undefined
    let api: (() => ApiOptions | undefined) | undefined
    const http = await serveHttp(
      dialplan,
      health,
      () => running,
      () => (health.isStopping ? undefined : api?.()),
      log,
    )
    running = await runNode({ ...options, dialplan, assembled, starting: (node) => health.starting(node) })
    if (http !== undefined) api = apiOf(dialplan, running, log)
    health.running(running.storeFault)
    return new RunningOperator(dialplan, { running, health, http, surroundings })
  }
  /** Takes the dialplan as it is now, and gives the settings that wait for the next start. Throws, and nothing has changed. */
  async reload(next: Dialplan): Promise<readonly string[]> {
    const { dialplan, running, before } = this
    const exposed = exposure({ ...next, listen: dialplan.listen }, this.parts.surroundings)
    if (exposed !== undefined) throw new CommandRefusal(exposed)
    const outcome = await reload(running, dialplan, next, before)
    if (outcome.faults !== undefined) throw refuseFaults(outcome.faults)
    running.capture(next.capture)
    this.before = next
    return outcome.waiting
  }
  /** @param carrier of datagrams @param isKept it goes to where others than who starts it read it */
  announcement(carrier: string, isKept: boolean): readonly string[] {
    const { listening } = this.running.node
    return announcement(this.dialplan, { listening, carrier, http: this.parts.http?.listening, isKept })
  }
  /** One line for people. */
  get status(): string {
    const health = this.parts.health.now
    return `${health.network} ${faultOf(health) ?? `listens on ${health.listening.map(printListen).join(', ')}`}`
  }
  /** HTTP tells that it stops as long as that takes. */
  async stop(graceMs: number): Promise<void> {
    this.parts.health.stopping()
    try {
      await this.running.stop(graceMs)
    } finally {
      await this.parts.http?.close()
    }
  }
}

async function serveHttp(
  { http }: Dialplan,
  health: NodeHealth,
  running: () => RunningNode | undefined,
  api: () => ApiOptions | undefined,
  log: Log,
): Promise<HttpSide | undefined> {
  if (http === undefined) return undefined
  return openHttp({
    listen: http,
    health: () => health.now,
    metrics: new Metrics(() => running()?.node.metrics() ?? []),
    api,
    log,
  })
}

/** The HTTP interface of the elements that serve in this node at the time; none where they serve nothing. */
function apiOf(dialplan: Dialplan, running: RunningNode, log: Log): () => ApiOptions | undefined {
  const { data, api = {} } = dialplan
  let access: HttpAccess | undefined
  const now = (): ApiOptions | undefined => {
    const here = running.elements.flatMap((element) => {
      const planned = plannedOf(dialplan, element.name)
      return planned === undefined ? [] : [{ role: planned.role, element }]
    })
    if (!hasRoutes(here)) return undefined
    access ??= { token: api.token ?? (data === 'memory' ? undefined : keepToken(data)), open: api.open ?? false }
    return { routes: routesOf(here), access, log }
  }
  now() // a start whose token cannot be kept says so
  return now
}
