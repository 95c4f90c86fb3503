/** sipp with scenarios of ours. */
import { readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DefaultServer, type Ended, Running } from '../../support/process.ts'
import { literal, type Peer, passwordOf } from './peer.ts'
import type { Seat } from './seat.ts'

export type SippTransport = 'udp' | 'tcp'

const scenarios = join(import.meta.dirname, '../../support/sipp')

export interface SippOptions {
  readonly server: DefaultServer
  readonly user: string
  readonly transport: SippTransport
  /** File name without `.xml`. */
  readonly scenario: string
  /** Takes requests that belong to no call of the scenario. */
  readonly outOfCall?: string
  /** `[name]` in the scenario. */
  readonly keys?: { readonly [name: string]: string }
}

/** One call of a scenario as that user; it ends with code 0 if the scenario went through. */
export class Sipp extends Running {
  private readonly log: string

  constructor(options: SippOptions) {
    const log = join(options.server.folder, `${options.scenario}-${options.user}.log`)
    writeFileSync(log, '')
    super('sipp', argumentsOf(options, log), { cwd: options.server.folder })
    this.log = log
    options.server.guests.add(this)
  }
  /** Resolves with the match once the scenario has logged it. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (over?: Ended): void => {
        const match = pattern.exec(readFileSync(this.log, 'utf8'))
        if (match !== null) resolve(match)
        else if (over !== undefined)
          reject(new Error(`sipp ended before it logged ${pattern}:\n${over.err}\n${over.out.slice(-3000)}`))
        else return
        watcher.close()
      }
      const watcher = watch(this.log, () => look())
      void this.ended.then(look)
      look()
    })
  }
}

function argumentsOf({ server, user, transport, scenario, outOfCall, keys = {} }: SippOptions, log: string): readonly string[] {
  return [
    `127.0.0.1:${transport === 'udp' ? server.udp : server.tcp}`,
    ...['-sf', join(scenarios, `${scenario}.xml`)],
    ...(outOfCall === undefined ? [] : ['-oocsf', join(scenarios, `${outOfCall}.xml`)]),
    ...['-s', user, '-au', user, '-ap', passwordOf(user)],
    ...['-i', '127.0.0.1', '-t', transport === 'udp' ? 'u1' : 't1', '-m', '1', '-nostdin'],
    ...['-trace_logs', '-log_file', log, '-recv_timeout', '20000'],
    ...Object.entries(keys).flatMap(([name, value]) => ['-key', name, value]),
  ]
}

/** Throws with what sipp printed where a scenario did not go through. */
export function wentThrough({ code, out, err }: Ended): void {
  if (code !== 0) throw new Error(`sipp ended with ${code}:\n${err}\n${out.slice(-3000)}`)
}

export async function sippPeer({ server, user, transport }: Seat): Promise<Peer> {
  if (transport !== 'udp' && transport !== 'tcp') throw new Error(`sipp has no ${transport}`)
  const receiver = new Sipp({ server, user, transport, scenario: 'receive', outOfCall: 'receive-message' })
  await receiver.logged(/^registered$/m)
  return {
    name: `sipp/${transport}`,
    user,
    // a call of its own, as a user of its own: the receiver's binding is the receiver's; it too answers (a softphone says what
    // it has delivered) and leaves, or the server would write to nobody for 32 s
    send: async (to, text) => {
      const scenario = { scenario: 'send', outOfCall: 'receive-message' }
      wentThrough(await new Sipp({ server, user: `${user}-2`, transport, ...scenario, keys: { to, text } }).ended)
    },
    got: async (text) => {
      await receiver.logged(new RegExp(`^got ${literal(text)}$`, 'm'))
    },
    stop: async () => {
      await receiver.stop()
    },
  }
}
