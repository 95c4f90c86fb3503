/** Points on the sphere by cells of about equal size, so that those near a point are found among few. */
import { earthRadius, type GeoPoint, radians } from './sphere.ts'

const height = 0.25 // degrees of a row
const rows = 180 / height

interface NearPoint {
  /** Number of the point, in the order in which they were given. */
  readonly index: number
  readonly metres: number
}

export class TownGrid {
  /** Cells before each row. */
  private readonly before = new Uint32Array(rows + 1)
  /** Beginnings of the cells in `order`. */
  private readonly begin: Uint32Array
  private readonly order: Uint32Array
  /** Unit vectors of the points: x, y, z. */
  private readonly vectors: Float64Array

  /** @param degrees latitude and longitude of each point, one after the other */
  constructor(degrees: Float64Array) {
    for (let row = 0; row < rows; row++) this.before[row + 1] = this.before[row]! + columnsOf(row)
    const count = degrees.length / 2
    const cells = new Uint32Array(count)
    this.begin = new Uint32Array(this.before[rows]! + 1)
    this.order = new Uint32Array(count)
    this.vectors = new Float64Array(3 * count)
    for (let index = 0; index < count; index++) {
      const point = { latitude: degrees[2 * index]!, longitude: degrees[2 * index + 1]! }
      const cell = this.cellOf(point)
      const [x, y, z] = vectorOf(point)
      cells[index] = cell
      this.begin[cell + 1]! += 1
      this.vectors[3 * index] = x
      this.vectors[3 * index + 1] = y
      this.vectors[3 * index + 2] = z
    }
    for (let cell = 1; cell < this.begin.length; cell++) this.begin[cell]! += this.begin[cell - 1]!
    const next = this.begin.slice()
    for (let index = 0; index < count; index++) this.order[next[cells[index]!]!++] = index
  }
  /** The nearest point; undefined: none is so near. @param reach metres, less than a quarter of the globe */
  nearest(point: GeoPoint, reach: number): NearPoint | undefined {
    const angle = reach / earthRadius
    const degrees = (angle * 180) / Math.PI
    const vector = vectorOf(point)
    const best = { index: -1, squared: (2 * Math.sin(angle / 2)) ** 2 }
    const [south, north] = [rowOf(point.latitude - degrees), rowOf(point.latitude + degrees)]
    const isPolar = Math.abs(point.latitude) + degrees >= 90
    const across = isPolar ? 180 : (Math.asin(Math.sin(angle) / Math.cos(radians(point.latitude))) * 180) / Math.PI
    for (let row = south; row <= north; row++) {
      const columns = this.columnsIn(row)
      const west = columnOf(point.longitude - across, columns)
      const width = Math.min(columns, columnOf(point.longitude + across, columns) - west + 1)
      for (let column = west; column < west + width; column++) this.look(row, wrapped(column, columns), vector, best)
    }
    if (best.index < 0) return undefined
    return { index: best.index, metres: 2 * earthRadius * Math.asin(Math.sqrt(best.squared) / 2) }
  }

  /** Takes what is nearer in one cell. */
  private look(row: number, column: number, [x, y, z]: Vector, best: { index: number; squared: number }): void {
    const cell = this.before[row]! + column
    const { order, vectors } = this
    for (let at = this.begin[cell]!; at < this.begin[cell + 1]!; at++) {
      const index = order[at]!
      const squared = (vectors[3 * index]! - x) ** 2 + (vectors[3 * index + 1]! - y) ** 2 + (vectors[3 * index + 2]! - z) ** 2
      if (squared > best.squared) continue
      best.squared = squared
      best.index = index
    }
  }
  private columnsIn(row: number): number {
    return this.before[row + 1]! - this.before[row]!
  }
  private cellOf({ latitude, longitude }: GeoPoint): number {
    const row = rowOf(latitude)
    const columns = this.columnsIn(row)
    return this.before[row]! + wrapped(columnOf(longitude, columns), columns)
  }
}

type Vector = readonly [x: number, y: number, z: number]

function vectorOf({ latitude, longitude }: GeoPoint): Vector {
  const [up, around] = [radians(latitude), radians(longitude)]
  return [Math.cos(up) * Math.cos(around), Math.cos(up) * Math.sin(around), Math.sin(up)]
}

/** The row of a latitude; beyond a pole the last one. */
function rowOf(latitude: number): number {
  return Math.max(0, Math.min(rows - 1, Math.floor((latitude + 90) / height)))
}

/** Columns of a row, as many as its side towards the equator has room for. */
function columnsOf(row: number): number {
  const widest = row < rows / 2 ? (row + 1) * height - 90 : row * height - 90
  return Math.max(1, Math.ceil((360 / height) * Math.cos(radians(widest))))
}

/** The column of a longitude; beyond ±180° it goes on. */
function columnOf(longitude: number, columns: number): number {
  return Math.floor(((longitude + 180) / 360) * columns)
}

function wrapped(column: number, columns: number): number {
  return ((column % columns) + columns) % columns
}
