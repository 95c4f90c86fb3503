/** Options of the command line that override where a dialplan listens and keeps its data. */
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { HostPort, ListeningOptions } from '../../../signalling/index.ts'
import { type Dialplan, parseListen, printListen } from '../../network/dialplan.ts'
import { readPlace } from './arguments.ts'
import { CommandRefusal } from './refusal.ts'

export interface DialplanOverrides {
  readonly portUdp?: number
  readonly portTcp?: number
  readonly portWs?: number
  readonly listen?: readonly ListeningOptions[]
  /** False: none. */
  readonly http?: HostPort | false
  readonly data?: string
}

/** Adds the options to a command. */
export function addOverrides(command: Command): Command {
  return command
    .option('--port-udp <port>', 'listen for SIP over UDP on this port', readPort)
    .option('--port-tcp <port>', 'listen for SIP over TCP on this port', readPort)
    .option('--port-ws <port>', 'listen for SIP over WebSocket on this port', readPort)
    .option(
      '--listen <url>',
      'listen here, e.g. udp://127.0.0.1:5070, and not where the dialplan says; may be repeated',
      readListen,
    )
    .option('--http <address>', 'serve /health, /metrics and /v1 here, e.g. 127.0.0.1:8081', readPlace)
    .option('--no-http', 'serve no HTTP')
    .option('--data <folder>', 'keep state in this folder; memory: keep none')
}

/** The dialplan as the options change it. */
function override(dialplan: Dialplan, { portUdp, portTcp, portWs, listen, http, data }: DialplanOverrides): Dialplan {
  const ports: { readonly [transport in ListeningOptions['transport']]?: number | undefined } = {
    UDP: portUdp,
    TCP: portTcp,
    WS: portWs,
  }
  const moved = dialplan.listen.map((each) => ({ ...each, port: ports[each.transport] ?? each.port }))
  if (listen === undefined) checkPorts(dialplan, moved)
  return {
    ...dialplan,
    listen: listen ?? moved,
    http: http === false ? undefined : typeof http === 'object' ? http : dialplan.http,
    data: data ?? dialplan.data,
  }
}

/** Throws a `CommandRefusal` where options have given two listeners one address: one of both could not be opened. */
function checkPorts({ listen, nodes, node }: Dialplan, moved: readonly ListeningOptions[]): void {
  const isDatagrams = ({ transport }: ListeningOptions): boolean => transport === 'UDP'
  for (const [index, one] of moved.entries()) {
    if (one.port === 0 || one.port === listen[index]!.port) continue
    const other = moved.find(
      (each, at) => at !== index && each.port === one.port && each.host === one.host && isDatagrams(each) === isDatagrams(one),
    )
    if (other === undefined) continue
    const given = `--port-${one.transport.toLowerCase()} ${one.port}`
    if (other.transport !== one.transport)
      throw new CommandRefusal(`${given} is the port of ${printListen(other)}, too; expected another`)
    const [scheme] = printListen(one).split(':')
    const names = node === undefined ? nodes.map(({ name }) => name).join(', ') : ''
    const way = names === '' ? 'use --listen' : `add --node, one of ${names}, or use --listen`
    throw new CommandRefusal(`${given} is for one listener, and there are several ${scheme}:// at ${one.host}; ${way}`)
  }
}

/** The same for several operators: where each listens is not for one option to say. Throws a `CommandRefusal`. */
export function overrideAll(dialplans: readonly Dialplan[], options: DialplanOverrides): readonly Dialplan[] {
  if (dialplans.length === 1) return [override(dialplans[0]!, options)]
  const { data, http, ...places } = options
  const given = Object.entries({
    '--port-udp': places.portUdp,
    '--port-tcp': places.portTcp,
    '--port-ws': places.portWs,
    '--listen': places.listen,
    '--http': typeof http === 'object' ? http : undefined,
  }).find(([, value]) => value !== undefined)
  if (given !== undefined) {
    const names = dialplans.flatMap(({ operator }) => operator ?? [])
    throw new CommandRefusal(`${given[0]} is for one operator; add --operator, one of ${names.join(', ')}`)
  }
  return dialplans.map((dialplan) =>
    override(dialplan, {
      ...(http === false ? { http } : {}),
      ...(data === undefined ? {} : { data: data === 'memory' ? data : join(data, dialplan.operator!) }),
    }),
  )
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^[0-9]+$/.test(text) || port > 65535) throw new InvalidArgumentError('Expected a port from 0 (any free one) to 65535.')
  return port
}

function readListen(text: string, before: readonly ListeningOptions[] = []): readonly ListeningOptions[] {
  const listen = parseListen(text)
  if (listen === undefined)
    throw new InvalidArgumentError(
      'Expected udp://, tcp://, tls://, ws:// or wss://, then address:port, such as udp://127.0.0.1:5060.',
    )
  return [...before, listen]
}
