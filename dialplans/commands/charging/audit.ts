/** Charging records added up, and the proof that none is missing or there twice (SPEC §6.2). */
import { type ChargingRecord, linesOf, parseRecord } from '../../../elements/pcrf/index.ts'

/** Number of times that an event was charged to a subscriber on a day. */
export interface ChargedSum {
  readonly day: string
  readonly subscriber: string
  readonly service: string
  readonly event: string
  count: number
}

interface AuditFinding {
  readonly file: string
  readonly line: number
  readonly text: string
}

export interface ChargingAudit {
  readonly sums: readonly ChargedSum[]
  readonly records: number
  /** Sequence numbers of the first and the last record; 0 where there is none. */
  readonly first: number
  readonly last: number
  /** Numbers that an element never used, since its store had failed. */
  readonly voids: number
  /** Faults: gaps, doubles, lines that are no records. */
  readonly faults: readonly AuditFinding[]
  /** Lines that are not whole: of a file that is being written. */
  readonly unfinished: readonly AuditFinding[]
}

/** Reads the files, in the order of their records. Throws the fault of the operating system. */
export function audit(files: readonly string[]): ChargingAudit {
  const reading = new AuditReading()
  for (const file of inOrder(files)) reading.read(file)
  return reading.result()
}

function inOrder(files: readonly string[]): readonly string[] {
  const firsts = files.map((file) => {
    for (const { text } of linesOf(file)) return { file, seq: parseRecord(text)?.seq ?? 0 }
    return { file, seq: 0 }
  })
  return firsts.sort((a, b) => a.seq - b.seq || (a.file < b.file ? -1 : 1)).map(({ file }) => file)
}

class AuditReading {
  private readonly sums = new Map<string, ChargedSum>()
  private readonly numbers = new Map<string, number>()
  private readonly faults: AuditFinding[] = []
  private readonly unfinished: AuditFinding[] = []
  private records = 0
  private first = 0
  private last = 0
  private voids = 0

  read(file: string): void {
    let line = 0
    for (const { text, whole } of linesOf(file)) {
      line++
      const record = parseRecord(text)
      if (!whole) this.unfinished.push({ file, line, text: 'the line is not whole: the file is being written, or was cut off' })
      else if (record === undefined) this.faults.push({ file, line, text: 'is no charging record' })
      else this.checkAndCount(record, (text) => this.faults.push({ file, line, text }))
    }
  }

  result(): ChargingAudit {
    const sums = [...this.sums.values()].sort((a, b) => order(a, b))
    const { records, first, last, voids, faults, unfinished } = this
    return { sums, records, first, last, voids, faults, unfinished }
  }

  private checkAndCount(record: ChargingRecord, fault: (text: string) => void): void {
    const { seq, source, number } = record
    if (this.records > 0) compare('record', this.last, seq, fault)
    const before = this.numbers.get(source)
    if (before !== undefined) compare(`${source}: event`, before, number, fault)
    if (this.records === 0) this.first = seq
    this.records++
    this.last = Math.max(this.last, seq)
    this.numbers.set(source, Math.max(before ?? 0, number))
    if (record.event === 'void') this.voids++
    else this.add(record)
  }

  private add({ at, device: subscriber = '', service, event }: ChargingRecord): void {
    const day = at.slice(0, 10)
    const key = `${day} ${subscriber} ${service} ${event}`
    const sum = this.sums.get(key)
    if (sum === undefined) this.sums.set(key, { day, subscriber, service, event, count: 1 })
    else sum.count++
  }
}

function compare(what: string, before: number, now: number, fault: (text: string) => void): void {
  if (now === before + 1) return
  if (now <= before) fault(`${what} ${now} comes after ${before}: it is there twice, or out of order`)
  else if (now === before + 2) fault(`${what} ${before + 1} is missing`)
  else fault(`${what} ${before + 1} to ${now - 1} are missing`)
}

function order(a: ChargedSum, b: ChargedSum): number {
  const [one, other] = [a, b].map((sum) => `${sum.day} ${sum.subscriber} ${sum.service} ${sum.event}`)
  return one! < other! ? -1 : 1
}
