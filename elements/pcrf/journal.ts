/**
 * Writes charging records (SPEC §6.2), each once, to the file of the day. An element hears that it may forget a
 * record only when it is written. After a crash the files decide. A last line that was cut off is removed, and
 * memory is made to agree with the rest.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, Json, Log } from '../../signalling/index.ts'
import type { Charge } from '../schemas/index.ts'
import { fileOf, isRecordFile, linesOf, parseRecord } from './records.ts'

/** The position in the files at some time: only records behind it are read again at a start. */
export interface JournalCheckpoint {
  readonly [member: string]: Json | undefined
  readonly file: string
  readonly offset: number
  readonly seq: number
  readonly last: { readonly [source: string]: number }
}

const sourcesAtMost = 1000

export class Journal {
  private readonly folder: string | undefined
  private readonly clock: Clock
  private readonly log: Log
  /** Of the last record. */
  private seq = 0
  /** By source, the number of its last record. */
  private readonly last = new Map<string, number>()
  private name = ''
  private file: number | undefined
  private offset = 0

  /** @param folder undefined: records are counted and not kept, as all is where data is `memory` */
  constructor(folder: string | undefined, clock: Clock, log: Log) {
    this.folder = folder
    this.clock = clock
    this.log = log
  }

  get records(): number {
    return this.seq
  }

  /** Makes memory agree with the files. Throws the fault of the operating system. */
  open(known: JournalCheckpoint | undefined): void {
    this.seq = known?.seq ?? 0
    for (const [source, number] of Object.entries(known?.last ?? {})) this.last.set(source, number)
    if (this.folder === undefined || !existsSync(this.folder)) return
    const names = readdirSync(this.folder).filter(isRecordFile).sort()
    const after = known?.file ?? ''
    for (const name of names) if (name >= after) this.read(name, name === after ? known!.offset : 0, name === names.at(-1))
  }

  /** Appends the new records, in the order given. Throws, and has appended none, where the file cannot be written. */
  append(source: string, events: readonly Charge[]): number {
    const before = this.last.get(source)
    let last = before
    let seq = this.seq
    let text = ''
    for (const event of events) {
      if (last !== undefined && event.number <= last) continue
      if (last !== undefined && event.number !== last + 1)
        this.log.error({ source, last, number: event.number }, 'chargeable events are missing: the records were cut')
      last = event.number
      const { number, at, event: what, service, device, application } = event
      text += `${JSON.stringify({ seq: ++seq, at, source, number, event: what, service, device, application })}\n`
    }
    if (seq === this.seq || last === undefined) return 0
    this.write(text)
    const added = seq - this.seq
    this.seq = seq
    this.last.delete(source)
    this.last.set(source, last) // at the end: the newest
    if (this.last.size > sourcesAtMost) this.last.delete(this.last.keys().next().value!)
    return added
  }

  /** Resolves when the appended records survive the loss of power. */
  sync(): Promise<void> {
    const { file } = this
    if (file === undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      fdatasync(file, (fault) => (fault === null ? resolve() : reject(fault)))
    })
  }

  checkpoint(): JournalCheckpoint {
    return { file: this.name, offset: this.offset, seq: this.seq, last: Object.fromEntries(this.last) }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file)
    this.file = undefined
  }

  private read(name: string, from: number, isLast: boolean): void {
    const path = join(this.folder!, name)
    let end = from
    for (const line of linesOf(path, from)) {
      const record = parseRecord(line.text)
      if (!line.whole && isLast) {
        this.log.warn(
          { file: path, bytes: line.end - end },
          'a charging record was cut off by a crash and is taken away; its element sends it again',
        )
        truncateSync(path, end)
        break
      }
      end = line.end
      if (record === undefined) this.log.error({ file: path, before: line.end }, 'a line is no charging record')
      else {
        this.seq = Math.max(this.seq, record.seq)
        this.last.set(record.source, Math.max(this.last.get(record.source) ?? 0, record.number))
      }
    }
    this.name = name
    this.offset = end
  }

  private write(text: string): void {
    if (this.folder === undefined) return
    const name = fileOf(this.clock.date())
    if (this.file === undefined || name > this.name) this.turnTo(name)
    else if (this.isGone(this.file)) this.beginAgain()
    const bytes = Buffer.from(text)
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.file!, bytes, at, bytes.length - at, this.offset + at)
    } catch (fault) {
      ftruncateSync(this.file!, this.offset) // half of it may be there
      throw fault
    }
    this.offset += bytes.length
  }

  /** Whether somebody has moved or removed the file that we write to: nobody would find our records there. */
  private isGone(file: number): boolean {
    return statSync(join(this.folder!, this.name), { throwIfNoEntry: false })?.ino !== fstatSync(file).ino
  }

  private beginAgain(): void {
    this.log.warn({ file: this.name }, 'the file of charging records was taken away; it is begun again')
    this.turnTo(this.name)
    this.offset = fstatSync(this.file!).size
  }

  /** The file of the day; a clock set back goes on in the newest one. */
  private turnTo(day: string): void {
    const name = day > this.name ? day : this.name
    makeFolder(this.folder!)
    const file = openSync(join(this.folder!, name), existsSync(join(this.folder!, name)) ? 'r+' : 'wx+')
    this.close()
    this.file = file
    if (name !== this.name) this.offset = 0
    this.name = name
  }
}

/** Step by step, since Node's recursive `mkdir` never ends below a folder that takes none, such as /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder)
}
