/** A spatial index over the globe: cells about as large as the range, so that a look-up touches about nine of them. */
import type { Position } from './air.ts'
import { latitudeDegrees, longitudeDegrees } from './path-loss.ts'

const columnsMost = 65_536 * 64

export class Grid<Item extends { readonly position: Position | undefined }> {
  private readonly range: number
  private readonly height: number
  private readonly cells = new Map<number, Set<Item>>()

  /** @param range metres within which `near` finds everything */
  constructor(range: number) {
    this.range = range
    this.height = latitudeDegrees(range)
  }

  /** The cell of a position; items are put into and taken out of cells by it. */
  cellOf({ latitude, longitude }: Position): number {
    const row = this.rowOf(latitude)
    const columns = this.columnsOf(row)
    return row * columnsMost + this.columnOf(longitude, columns)
  }

  put(cell: number, item: Item): void {
    const items = this.cells.get(cell)
    if (items === undefined) this.cells.set(cell, new Set([item]))
    else items.add(item)
  }

  take(cell: number, item: Item): void {
    const items = this.cells.get(cell)
    items?.delete(item)
    if (items?.size === 0) this.cells.delete(cell)
  }

  /** Calls `visit` for every item of the cells that the range around a position touches: more than are in range. */
  near(position: Position, visit: (item: Item) => void): void {
    const middle = this.rowOf(position.latitude)
    for (let row = middle - 1; row <= middle + 1; row++) {
      const columns = this.columnsOf(row)
      const reach = longitudeDegrees(this.range, this.latitudeOf(row))
      const first = Math.floor(((position.longitude + 180 - reach) / 360) * columns)
      const last = Math.min(Math.floor(((position.longitude + 180 + reach) / 360) * columns), first + columns - 1)
      for (let column = first; column <= last; column++) {
        const items = this.cells.get(row * columnsMost + wrap(column, columns))
        if (items !== undefined) for (const item of items) visit(item)
      }
    }
  }

  private rowOf(latitude: number): number {
    return Math.floor((latitude + 90) / this.height)
  }
  /** The latitude of a row that is farthest from the equator, where degrees of longitude are shortest. */
  private latitudeOf(row: number): number {
    const south = row * this.height - 90
    return Math.max(Math.abs(south), Math.abs(south + this.height))
  }
  /** Columns of a row, each at least the range wide. */
  private columnsOf(row: number): number {
    return Math.min(columnsMost, Math.max(1, Math.floor(360 / longitudeDegrees(this.range, this.latitudeOf(row)))))
  }
  private columnOf(longitude: number, columns: number): number {
    return wrap(Math.floor(((longitude + 180) / 360) * columns), columns)
  }
}

/** 180° east and west are the same. */
function wrap(column: number, columns: number): number {
  return ((column % columns) + columns) % columns
}
