/** A spatial index over the globe: cells about as large as the range, so that a look-up touches about nine of them. */
import { SetIndex } from '../shared/state/set-index.ts'
import type { Position } from './air.ts'
import { latitudeDegrees, longitudeDegrees } from './path-loss.ts'

/** One band of latitude, with columns at least as wide as the range. */
class Row<Item> {
  readonly columns: number
  /** Degrees of longitude that the range is here, at most. */
  readonly reach: number
  readonly cells = new SetIndex<number, Item>()

  constructor(row: number, height: number, range: number) {
    const south = row * height - 90
    const farthest = Math.max(Math.abs(south), Math.abs(south + height)) // from the equator, where degrees are shortest
    this.reach = longitudeDegrees(range, farthest)
    this.columns = Math.max(1, Math.floor(360 / this.reach))
  }

  /** 180° east and west are the same. */
  columnOf(longitude: number): number {
    return wrap(Math.floor(((longitude + 180) / 360) * this.columns), this.columns)
  }
}

/** Place of an item in the grid. */
export interface Cell {
  readonly row: number
  readonly column: number
}

export class Grid<Item> {
  private readonly range: number
  private readonly height: number
  private readonly rows = new Map<number, Row<Item>>()

  /** @param range metres within which `near` finds everything */
  constructor(range: number) {
    this.range = range
    this.height = latitudeDegrees(range)
  }

  cellOf({ latitude, longitude }: Position): Cell {
    const row = this.rowOf(latitude)
    return { row, column: this.row(row).columnOf(longitude) }
  }

  put({ row, column }: Cell, item: Item): void {
    this.row(row).cells.add(column, item)
  }

  take({ row, column }: Cell, item: Item): void {
    this.row(row).cells.delete(column, item)
  }

  /** Adds to `found` every item of the cells that the range around a position touches: more than are in range. */
  near({ latitude, longitude }: Position, found: Item[]): void {
    const middle = this.rowOf(latitude)
    for (let number = middle - 1; number <= middle + 1; number++) {
      const row = this.rows.get(number)
      if (row === undefined || row.cells.size === 0) continue
      const { columns, reach, cells } = row
      const first = Math.floor(((longitude + 180 - reach) / 360) * columns)
      const last = Math.min(Math.floor(((longitude + 180 + reach) / 360) * columns), first + columns - 1)
      for (let column = first; column <= last; column++) {
        for (const item of cells.of(wrap(column, columns))) found.push(item)
      }
    }
  }

  private rowOf(latitude: number): number {
    return Math.floor((latitude + 90) / this.height)
  }

  private row(number: number): Row<Item> {
    let row = this.rows.get(number)
    if (row === undefined) this.rows.set(number, (row = new Row(number, this.height, this.range)))
    return row
  }
}

function wrap(column: number, columns: number): number {
  return column >= 0 && column < columns ? column : ((column % columns) + columns) % columns
}
