/** A medium in memory: positions, path loss, a discovery period by the clock. Made for 100,000 UEs in one process. */
import type { Clock, Timer } from '../../signalling/index.ts'
import type { HeardBroadcast } from '../shared/values/heard.ts'
import type { Air, Position } from './air.ts'
import { type Cell, Grid } from './grid.ts'
import { metresBetween, type PropagationModel, rangeOf, received, town } from './path-loss.ts'

export interface SimulatedAirOptions {
  readonly clock: Clock
  /** Milliseconds; a device in range is heard once in each. Default 1000. */
  readonly period?: number
  readonly propagation?: Partial<PropagationModel>
}

/** A medium with positions. */
export interface SimulatedAir extends Air {
  /** A device without a position neither hears nor is heard; undefined takes it off the map. */
  move(device: string, position: Position | undefined): void
  /** Metres up to which a code is heard. */
  readonly range: number
}

interface Station {
  readonly device: string
  code: string | undefined
  position: Position | undefined
  /** Its place in the grid; only announcers have one. */
  cell: Cell | undefined
  readonly listeners: Set<(heard: HeardBroadcast) => void>
}

const slices = 10 // a period's work is spread over it, so that no tick is long

/** Every announcer in range answers a challenge, so every code heard is confirmed. */
export function simulatedAir(options: SimulatedAirOptions): SimulatedAir {
  return new Medium(options)
}

class Medium implements SimulatedAir {
  readonly range: number
  private readonly clock: Clock
  private readonly period: number
  private readonly propagation: PropagationModel
  private readonly grid: Grid<Station>
  private readonly stations = new Map<string, Station>()
  /** Listening stations, each in the slice in which it is served. */
  private readonly hearing: Set<Station>[] = Array.from({ length: slices }, () => new Set())
  private listening = 0
  private joined = 0
  private slice = 0
  private timer: Timer | undefined
  private closed = false

  constructor({ clock, period = 1000, propagation = {} }: SimulatedAirOptions) {
    this.clock = clock
    this.period = period
    this.propagation = { ...town, ...propagation }
    this.range = rangeOf(this.propagation)
    this.grid = new Grid(this.range)
  }

  announce(device: string, code: string | undefined): void {
    if (this.closed) return
    const station = this.station(device)
    station.code = code
    this.place(station)
    this.forget(station)
  }

  move(device: string, position: Position | undefined): void {
    if (this.closed) return
    const station = this.station(device)
    station.position = position
    this.place(station)
    this.forget(station)
  }

  hear(device: string, listener: (heard: HeardBroadcast) => void): () => void {
    if (this.closed) return () => undefined
    const station = this.station(device)
    const ownListener = (heard: HeardBroadcast): void => listener(heard) // the same listener may be given twice
    if (station.listeners.size === 0) {
      this.hearing[this.joined++ % slices]!.add(station)
      this.listening++
    }
    station.listeners.add(ownListener)
    this.arm()
    return () => {
      if (!station.listeners.delete(ownListener) || station.listeners.size > 0) return
      for (const slice of this.hearing) if (slice.delete(station)) this.listening--
      this.forget(station)
    }
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.stations.clear()
    for (const slice of this.hearing) slice.clear()
    this.listening = 0
  }

  private station(device: string): Station {
    let station = this.stations.get(device)
    if (station === undefined) {
      station = { device, code: undefined, position: undefined, cell: undefined, listeners: new Set() }
      this.stations.set(device, station)
    }
    return station
  }

  private forget(station: Station): void {
    const idle = station.code === undefined && station.position === undefined && station.listeners.size === 0
    if (idle) this.stations.delete(station.device)
  }

  private place(station: Station): void {
    const shown = station.code !== undefined && station.position !== undefined
    const cell = shown ? this.grid.cellOf(station.position!) : undefined
    if (cell?.row === station.cell?.row && cell?.column === station.cell?.column) return
    if (station.cell !== undefined) this.grid.take(station.cell, station)
    if (cell !== undefined) this.grid.put(cell, station)
    station.cell = cell
  }

  private arm(): void {
    if (this.timer?.running || this.listening === 0 || this.closed) return
    this.timer = this.clock.after(this.period / slices, () => this.discover())
  }

  private discover(): void {
    const at = this.clock.date()
    const served = [...this.hearing[this.slice]!]
    this.slice = (this.slice + 1) % slices
    this.timer = undefined
    this.arm()
    for (const station of served) this.serve(station, at)
  }

  private serve(hearer: Station, at: number): void {
    const { position } = hearer
    if (position === undefined) return
    const around: Station[] = []
    this.grid.near(position, around)
    const listeners = [...hearer.listeners]
    for (const announcer of around) {
      const { code, position: there } = announcer
      if (announcer === hearer || code === undefined || there === undefined) continue // maybe since a moment ago
      const metres = metresBetween(position, there)
      if (metres > this.range) continue
      const rssi = Math.round(received(this.propagation, metres) * 10) / 10
      for (const listener of listeners) listener({ code, rssi, at, confirmed: true })
    }
  }
}
