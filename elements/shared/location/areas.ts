/** Areas on the sphere (SPEC §8.2, §8.7): polygons, circles and ellipses, and how deep in one a point lies. */
import { geoArea, geoCentroid, geoContains } from 'd3-geo'
import { bearing, distance, earthRadius, type GeoPoint, pointTo, radians } from './sphere.ts'

export interface Area {
  /** Metres from its edge: positive inside, negative outside. */
  depth(point: GeoPoint): number
  /** Metres: the largest circle in it. */
  readonly innerRadius: number
}

/** A fault of an area in JSON, with a pointer to its place (RFC 6901). */
interface AreaFault {
  readonly pointer: string
  readonly text: string
}

type Coordinates = readonly [longitude: number, latitude: number]

/** GeoJSON (RFC 7946), and a circle or an ellipse as a Point with its size in metres. */
export type AreaShape =
  | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Coordinates[])[] }
  | { readonly type: 'Point'; readonly coordinates: Coordinates; readonly radius: number }
  | { readonly type: 'Point'; readonly coordinates: Coordinates; readonly ellipse: EllipseSize }

interface EllipseSize {
  /** Metres. */
  readonly semiMajor: number
  readonly semiMinor: number
  /** Degrees of the longer axis from north, eastward. */
  readonly orientation: number
}

const mostVertices = 1000 // each is compared with each
const largest = 10_000_000 // metres: a quarter of the globe

/** The area of a shape whose members have the types of the schema. */
export function areaOf(shape: AreaShape): Area | AreaFault {
  if (shape.type === 'Polygon') return polygonOf(shape.coordinates)
  const fault = faultOfPosition(shape.coordinates, '/coordinates')
  if (fault !== undefined) return fault
  const centre = pointAt(shape.coordinates)
  if ('radius' in shape) return isSize(shape.radius) ? new Circle(centre, shape.radius) : noSize('/radius')
  const { orientation, semiMajor, semiMinor } = shape.ellipse
  if (!isSize(semiMajor)) return noSize('/ellipse/semiMajor')
  if (!isSize(semiMinor) || semiMinor > semiMajor) return noSize('/ellipse/semiMinor')
  if (!Number.isFinite(orientation)) return { pointer: '/ellipse/orientation', text: 'is no angle; expected degrees from north' }
  return new Ellipse(centre, shape.ellipse)
}

export function isAreaFault(made: Area | AreaFault): made is AreaFault {
  return 'pointer' in made
}

function isSize(metres: number): boolean {
  return metres > 0 && metres <= largest
}

function noSize(pointer: string): AreaFault {
  return { pointer, text: `is no size; expected metres above 0 and at most ${largest}` }
}

function pointAt([longitude, latitude]: Coordinates): GeoPoint {
  return { latitude, longitude }
}

function faultOfPosition([longitude, latitude]: Coordinates, pointer: string): AreaFault | undefined {
  if (Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90) return undefined
  return { pointer, text: 'is no place; expected [longitude, latitude], within ±180 and ±90' }
}

class Circle implements Area {
  readonly innerRadius: number
  private readonly centre: GeoPoint

  constructor(centre: GeoPoint, radius: number) {
    this.centre = centre
    this.innerRadius = radius
  }
  depth(point: GeoPoint): number {
    return this.innerRadius - distance(this.centre, point)
  }
}

/** Measured in the plane that touches the sphere at its centre. */
class Ellipse implements Area {
  readonly innerRadius: number
  private readonly centre: GeoPoint
  private readonly size: EllipseSize

  constructor(centre: GeoPoint, size: EllipseSize) {
    this.centre = centre
    this.size = size
    this.innerRadius = size.semiMinor
  }
  depth(point: GeoPoint): number {
    const { orientation, semiMajor, semiMinor } = this.size
    const away = distance(this.centre, point)
    const angle = radians(bearing(this.centre, point) - orientation)
    const [along, across] = [Math.abs(away * Math.cos(angle)), Math.abs(away * Math.sin(angle))]
    const metres = toEllipse(semiMajor, semiMinor, along, across)
    return (along / semiMajor) ** 2 + (across / semiMinor) ** 2 <= 1 ? metres : -metres
  }
}

/** Distance of a point in the first quadrant from an ellipse, by bisection. */
function toEllipse(major: number, minor: number, along: number, across: number): number {
  if (across === 0) {
    const turn = (major * along) / (major ** 2 - minor ** 2)
    if (turn < 1) return Math.hypot(major * turn - along, minor * Math.sqrt(1 - turn ** 2)) // inside the evolute
    return Math.abs(along - major)
  }
  // the foot is (major² along / (t + major²), minor² across / (t + minor²)); its place on the ellipse grows as t falls
  let [low, high] = [minor * across - minor ** 2, Math.hypot(major * along, minor * across)]
  for (let halved = 0; halved < 60; halved++) {
    const t = (low + high) / 2
    const square = ((major * along) / (t + major ** 2)) ** 2 + ((minor * across) / (t + minor ** 2)) ** 2
    if (square > 1) low = t
    else high = t
  }
  const t = (low + high) / 2
  const foot = [(major ** 2 * along) / (t + major ** 2), (minor ** 2 * across) / (t + minor ** 2)] as const
  return Math.hypot(foot[0] - along, foot[1] - across)
}

type Vector = readonly [x: number, y: number, z: number]
type Ring = readonly Coordinates[]

/** An arc of a great circle, shorter than half of it. */
interface Edge {
  readonly from: Vector
  readonly to: Vector
  /** Unit vector across it. */
  readonly normal: Vector
}

/** A ring outside and holes within, each wound so that it holds the smaller part of the globe. */
class Polygon implements Area {
  private circle: number | undefined = undefined
  private readonly rings: readonly Ring[]
  private readonly edges: readonly Edge[]

  constructor(rings: readonly Ring[]) {
    this.rings = rings.map(smallerSide)
    this.edges = this.rings.flatMap(edgesOf)
  }
  /** Found when it is asked for: that looks at the whole of it. */
  get innerRadius(): number {
    return (this.circle ??= this.largestCircle())
  }
  depth(point: GeoPoint): number {
    const place = vectorOf(point)
    let nearest = Number.POSITIVE_INFINITY
    for (const edge of this.edges) nearest = Math.min(nearest, angleTo(edge, place))
    return this.holds(point) ? nearest * earthRadius : -nearest * earthRadius
  }
  private holds({ latitude, longitude }: GeoPoint): boolean {
    const [outer, ...holes] = this.rings
    const isIn = (ring: Ring): boolean => geoContains(polygon(ring), [longitude, latitude])
    return isIn(outer!) && !holes.some(isIn)
  }
  /** By squares that are quartered where they may hold a deeper point; right to a hundredth. */
  private largestCircle(): number {
    const [longitude, latitude] = geoCentroid(polygon(this.rings[0]!))
    const middle = { latitude, longitude }
    const reach = Math.max(...this.rings[0]!.map((position) => distance(middle, pointAt(position))))
    let best = this.depth(middle)
    let squares: readonly Square[] = [{ east: 0, north: 0, half: reach }]
    for (let level = 0; level < 12 && squares.length > 0; level++) {
      const deeper = squares.flatMap(quarters).map((square) => ({ ...square, depth: this.depth(placeOf(middle, square)) }))
      for (const { depth } of deeper) best = Math.max(best, depth)
      squares = deeper.filter(({ depth, half }) => depth + half * Math.SQRT2 > best * 1.01).slice(0, 256)
    }
    return Math.max(best, 0)
  }
}

/** A square of the plane around a centre, in metres. */
interface Square {
  readonly east: number
  readonly north: number
  /** Half of its side. */
  readonly half: number
}

function quarters({ east, north, half }: Square): readonly Square[] {
  const quarter = half / 2
  return [-quarter, quarter].flatMap((x) => [-quarter, quarter].map((y) => ({ east: east + x, north: north + y, half: quarter })))
}

function placeOf(middle: GeoPoint, { east, north }: Square): GeoPoint {
  return pointTo(middle, (Math.atan2(east, north) * 180) / Math.PI, Math.hypot(east, north))
}

function polygonOf(rings: readonly Ring[]): Area | AreaFault {
  const count = rings.reduce((sum, { length }) => sum + length, 0)
  if (count > mostVertices) return { pointer: '/coordinates', text: `has ${count} vertices; expected ${mostVertices} at most` }
  for (const [i, ring] of rings.entries()) {
    const fault = faultOfRing(ring, `/coordinates/${i}`)
    if (fault !== undefined) return fault
  }
  const edges = rings.map(edgesOf)
  for (const [i, own] of edges.entries())
    for (const [j, others] of edges.entries())
      if (j >= i && isCrossed(own, others, i === j))
        return { pointer: `/coordinates/${j}`, text: 'crosses itself or another ring' }
  return new Polygon(rings)
}

function faultOfRing(ring: Ring, pointer: string): AreaFault | undefined {
  for (const [i, position] of ring.entries()) {
    const fault = faultOfPosition(position, `${pointer}/${i}`)
    if (fault !== undefined) return fault
    if (i > 0 && distance(pointAt(ring[i - 1]!), pointAt(position)) > largest)
      return { pointer: `${pointer}/${i}`, text: `is over ${largest} m from the one before; expected nearer vertices` }
  }
  const [first, last] = [ring[0], ring.at(-1)]
  if (first === undefined || last === undefined || first[0] !== last[0] || first[1] !== last[1])
    return { pointer, text: 'is not closed; expected the first vertex again at its end' }
  return edgesOf(ring).length < 3 ? { pointer, text: 'is no ring; expected three vertices or more' } : undefined
}

function polygon(ring: Ring): { type: 'Polygon'; coordinates: [number, number][][] } {
  return { type: 'Polygon', coordinates: [ring.map(([longitude, latitude]) => [longitude, latitude])] }
}

/** Wound either way, a ring means the smaller part of the globe. */
function smallerSide(ring: Ring): Ring {
  return geoArea(polygon(ring)) > 2 * Math.PI ? ring.toReversed() : ring
}

function vectorOf({ latitude, longitude }: GeoPoint): Vector {
  const [north, east] = [radians(latitude), radians(longitude)]
  return [Math.cos(north) * Math.cos(east), Math.cos(north) * Math.sin(east), Math.sin(north)]
}

/** Edges of some length. */
function edgesOf(ring: Ring): readonly Edge[] {
  const edges: Edge[] = []
  for (let i = 1; i < ring.length; i++) {
    const [from, to] = [vectorOf(pointAt(ring[i - 1]!)), vectorOf(pointAt(ring[i]!))]
    const across = cross(from, to)
    const length = Math.hypot(...across)
    if (length > 1e-12) edges.push({ from, to, normal: [across[0] / length, across[1] / length, across[2] / length] })
  }
  return edges
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/** Angle between a point and an arc, in radians. */
function angleTo({ from, normal, to }: Edge, point: Vector): number {
  const isBeside = dot(cross(normal, from), point) > 0 && dot(cross(to, normal), point) > 0
  if (isBeside) return Math.abs(Math.asin(Math.max(-1, Math.min(1, dot(normal, point)))))
  return Math.min(angleBetween(from, point), angleBetween(to, point))
}

function angleBetween(a: Vector, b: Vector): number {
  return Math.atan2(Math.hypot(...cross(a, b)), dot(a, b))
}

/** Whether arcs of two rings cross, or of one where they are no neighbours. */
function isCrossed(own: readonly Edge[], others: readonly Edge[], isOne: boolean): boolean {
  for (const [i, edge] of own.entries()) {
    for (let j = isOne ? i + 2 : 0; j < others.length; j++) {
      if (isOne && i === 0 && j === others.length - 1) continue // the last ends where the first begins
      if (doCross(edge, others[j]!)) return true
    }
  }
  return false
}

function doCross(a: Edge, b: Edge): boolean {
  const [from, to] = [dot(a.normal, b.from), dot(a.normal, b.to)]
  const [start, end] = [dot(b.normal, a.from), dot(b.normal, a.to)]
  if (from * to >= 0 || start * end >= 0) return false
  return from > 0 === end > 0 // else the arcs cross the other's circle on the far side
}
