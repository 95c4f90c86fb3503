/** Service manager that has started the process, such as systemd, and what it is told: ready, reloading, stopping, alive. */
import type { Clock, Log } from '../../../signalling/index.ts'
import { systemMicroseconds } from '../../../signalling/tools.ts'
import { NotifySocket, type ServiceState } from './notify-socket.ts'

/** Variables of the environment by which a service manager says what it wants to hear (sd_notify(3), sd_watchdog_enabled(3)). */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined
  readonly WATCHDOG_USEC?: string | undefined
  readonly WATCHDOG_PID?: string | undefined
}

interface ServiceManagerOptions {
  readonly environment: ServiceEnvironment
  /** Process identifiers that are ours: of this process, and of a launcher before it. */
  readonly processes: readonly number[]
  readonly clock: Clock
  readonly log: Log
  readonly notify?: (notification: ServiceState) => void
}

/** The life that the watchdog asks about. */
export interface Pulse {
  /** Resolves once each store has answered, be it with a fault. */
  answers(): Promise<unknown>
  /** One line for people. */
  status(): string
}

const statusEvery = 10_000 // milliseconds, where there is no watchdog

export class ServiceManager {
  private readonly notify: (notification: ServiceState) => void
  private readonly clock: Clock
  private readonly log: Log
  /** Milliseconds without a word after which the process is killed; undefined: never. */
  private readonly watchdog: number | undefined
  private pulse: Pulse | undefined
  private status = ''
  private asked = false
  private readonly silent: boolean

  constructor({ environment, processes, clock, log, notify }: ServiceManagerOptions) {
    this.clock = clock
    this.log = log
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = environment
    this.silent = socket === undefined || socket === ''
    const sends = this.silent ? undefined : new NotifySocket({ socket: socket!, clock, log })
    this.notify = notify ?? ((notification) => void sends?.notify(notification))
    const isOurs = pid === undefined || pid === '' || processes.includes(Number(pid))
    this.watchdog = isOurs && Number(usec) > 0 ? Number(usec) / 1000 : undefined
  }

  /** All that starts has started. From now on the watchdog is told that we live, while that is so. */
  ready(pulse: Pulse): void {
    if (this.silent) return
    this.pulse = pulse
    this.status = pulse.status()
    this.notify({ READY: 1, STATUS: this.status })
    this.beat()
  }
  reloading(): void {
    if (this.silent) return
    // CLOCK_MONOTONIC, by which the manager tells this reload from an earlier one
    this.notify({ RELOADING: 1, MONOTONIC_USEC: String(systemMicroseconds()), STATUS: 'reading the dialplan again' })
  }
  /** @param outcome what became of it, for people; undefined: all has changed */
  reloaded(outcome: string | undefined): void {
    if (this.silent) return
    this.status = this.pulse?.status() ?? ''
    this.notify({ READY: 1, STATUS: outcome === undefined ? this.status : `${this.status}; ${outcome}` })
  }
  stopping(): void {
    if (this.silent) return
    this.pulse = undefined
    this.notify({ STOPPING: 1, STATUS: 'stopping: no new requests, those under way end' })
  }

  /** Asks for a sign of life: this timer shows that the loop of events turns, and the stores answer by themselves. */
  private beat(): void {
    this.clock.after((this.watchdog ?? 2 * statusEvery) / 2, () => {
      const { pulse } = this
      if (pulse === undefined) return
      this.beat()
      if (this.asked) return this.log.warn({}, 'the store does not answer: the watchdog is told nothing until it does')
      this.asked = true
      pulse.answers().then(
        () => this.alive(),
        () => this.alive(),
      )
    })
  }
  private alive(): void {
    this.asked = false
    if (this.pulse === undefined) return
    const status = this.pulse.status()
    const isNews = status !== this.status
    this.status = status
    if (this.watchdog !== undefined) this.notify(isNews ? { WATCHDOG: 1, STATUS: status } : { WATCHDOG: 1 })
    else if (isNews) this.notify({ STATUS: status })
  }
}
