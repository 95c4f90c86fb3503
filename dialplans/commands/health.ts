/** `proxima health`: does the node of a dialplan serve? For health checks of containers, and for scripts. */
import { Command } from 'commander'
import { type HostPort, printHostPort } from '../../signalling/index.ts'
import { reachableHost } from '../network/dialplan.ts'
import { faultOf, type Health } from '../running/health.ts'
import { readOnce, readPlace, usualDialplan } from './support/arguments.ts'
import { choose, readOperators } from './support/network.ts'
import { say } from './support/output.ts'
import { CommandRefusal } from './support/refusal.ts'

interface HealthOptions {
  readonly node?: string
  readonly operator?: string
  readonly http?: HostPort
  readonly json?: boolean
}

/** Health of one node as it was found; `fault`: why it is not well. */
interface Finding {
  readonly url: string
  readonly fault?: string
  readonly health?: Health
}

const usualPatience = 4000 // milliseconds; less than the health check of a container waits

export function healthCommand(): Command {
  return new Command('health')
    .description('tell whether the node of a dialplan serves, by /health: exit 0 if so, else 1 and the reason')
    .argument('[dialplan]', 'the dialplan that it runs, which says where its HTTP is', usualDialplan)
    .option('--operator <name>', 'this one of the operators that the dialplan has; without it all of them', readOnce)
    .option('--node <name>', 'this one of the nodes that the dialplan has, where each runs by itself', readOnce)
    .option('--http <address>', 'ask here, if it was started so, e.g. 127.0.0.1:8081', readPlace)
    .option('--json', 'a line of JSON: healthy, url, fault, and what /health tells')
    .addHelpText('after', '\nExamples:\n  $ proxima health\n  $ proxima health /etc/proxima/dialplan.yaml --node edge --json')
    .action(tellHealth)
}

async function tellHealth(file: string, options: HealthOptions): Promise<void> {
  const findings = await examine(file, options)
  const faults = findings.flatMap(({ fault }) => fault ?? [])
  if (options.json === true)
    for (const { url, fault, health } of findings) say(JSON.stringify({ healthy: fault === undefined, url, fault, ...health }))
  else if (faults.length > 0) throw new CommandRefusal(faults.join('; '))
  else say(findings.map(({ url, health }) => `ok: ${health!.network} at ${url}, up ${health!.upSeconds} s`).join('; '))
  if (faults.length > 0) process.exitCode = 1
}

/**
 * Asks each node. Throws a `CommandRefusal` where the dialplan says of none where to ask.
 * @param patience milliseconds for an answer
 */
export function examine(file: string, options: HealthOptions, patience = usualPatience): Promise<readonly Finding[]> {
  return Promise.all(placesOf(file, options).map((place) => look(place, patience)))
}

/** Places of HTTP: of each operator that has one. */
function placesOf(file: string, { http, ...choice }: HealthOptions): readonly HostPort[] {
  if (http !== undefined) return [http]
  const places = choose(readOperators(file), choice).flatMap((dialplan) => dialplan.http ?? [])
  if (places.length === 0)
    throw new CommandRefusal(`${file} has no \`http:\`, so its node tells no health; add that, or say where it is with --http`)
  return places
}

async function look({ host, port }: HostPort, patience: number): Promise<Finding> {
  const url = `http://${printHostPort({ host: reachableHost(host), port })}/health`
  let body: string
  let status: number
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(patience) })
    status = response.status
    body = await response.text()
  } catch (error) {
    return { url, fault: `no node answers at ${url}${whyNot(error, patience)}; start it, or say where it is with --http` }
  }
  const health = healthIn(body)
  if (health === undefined)
    return { url, fault: `what answers at ${url} with ${status} is no Proxima node; say where one is with --http` }
  const fault = faultOf(health)
  return { url, health, ...(fault === undefined ? {} : { fault: `${health.network} at ${url} ${fault}` }) }
}

function whyNot(error: unknown, patience: number): string {
  if ((error as Error).name === 'TimeoutError') return ` within ${patience / 1000} s`
  const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
  return ` (${cause?.code ?? cause?.message ?? String(error)})`
}

/** Undefined: nothing that a node tells. */
function healthIn(body: string): Health | undefined {
  try {
    const value = JSON.parse(body) as Partial<Health> | null
    return typeof value?.status === 'string' && typeof value.network === 'string' ? (value as Health) : undefined
  } catch {
    return undefined
  }
}
