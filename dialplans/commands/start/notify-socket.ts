/**
 * Messages to a service manager such as systemd (sd_notify(3)), one after the other. The native module sends them, or the
 * program `systemd-notify` where that was not built. A fault is logged once and changes nothing.
 */
import { execFile } from 'node:child_process'
import type { Clock, Log } from '../../../signalling/index.ts'
import { sendUnixDatagram } from '../../../signalling/tools.ts'
import { printableLine } from '../support/printable.ts'

interface NotifySocketOptions {
  /** NOTIFY_SOCKET: a path, or an abstract name after @. */
  readonly socket: string
  readonly clock: Clock
  readonly log: Log
  /** Sends one datagram; undefined: sent, else why not. Left out: the native module. */
  readonly send?: (socket: string, text: string) => string | undefined
  /** Instead of `systemd-notify`. */
  readonly program?: string
}

/** Assignments such as `READY: 1`. */
export type ServiceState = { readonly [variable: string]: string | number }

const again = 100 // milliseconds until a manager that has no room is tried again
const triesAtMost = 50
const programPatience = 5000 // milliseconds
const longest = 1000 // characters; systemd reads datagrams of at most 4096 bytes

export class NotifySocket {
  private readonly options: NotifySocketOptions
  private last: Promise<void> = Promise.resolve()
  private hasFailed = false

  constructor(options: NotifySocketOptions) {
    this.options = options
  }
  /** Resolves once it is sent, or given up; never rejects. */
  notify(state: ServiceState): Promise<void> {
    const assignments = Object.entries(state).map(([variable, value]) => `${variable}=${textOf(value)}`)
    this.last = this.last.then(() => this.deliver(assignments)).catch((fault: unknown) => this.outcome(String(fault)))
    return this.last
  }

  private async deliver(assignments: readonly string[]): Promise<void> {
    const { socket, clock, send = sendUnixDatagram, program = 'systemd-notify' } = this.options
    const text = assignments.join('\n')
    let why = send(socket, text)
    for (let tries = 1; why !== undefined && isPassing(why) && tries < triesAtMost; tries++) {
      await new Promise<void>((resolve) => void clock.after(again, resolve))
      why = send(socket, text)
    }
    if (why === 'ENOSYS') why = await byProgram(program, socket, assignments)
    this.outcome(why)
  }
  private outcome(why: string | undefined): void {
    const { socket, log } = this.options
    if (why !== undefined && !this.hasFailed) log.warn({ socket, why }, 'the service manager cannot be told how we are')
    this.hasFailed = why !== undefined
  }
}

/** One line without control characters, which fits into a datagram that the manager reads. */
function textOf(value: string | number): string {
  const text = printableLine(String(value))
  return text.length <= longest ? text : `${text.slice(0, longest)}…`
}

/** The manager has no room at the moment. */
function isPassing(why: string): boolean {
  return why === 'EAGAIN' || why === 'ENOBUFS' || why === 'EINTR'
}

function byProgram(program: string, socket: string, assignments: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, NOTIFY_SOCKET: socket }
  return new Promise((resolve) => {
    execFile(program, assignments, { env, timeout: programPatience }, (fault, _, said) => {
      const why = said.trim().split('\n', 1)[0] || fault?.message
      resolve(fault === null ? undefined : `no native module, and ${program} fails: ${why}`)
    })
  })
}
