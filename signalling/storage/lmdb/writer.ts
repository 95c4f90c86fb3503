/** Writes that wait for the disk, in a thread of their own: neither a slow disk nor a full one keeps the node from serving. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LmdbBatch } from './batch.ts'
import type { BatchMessage, OutcomeMessage } from './thread.ts'

interface Waiting {
  resolve(): void
  reject(fault: Error): void
}

export class LmdbWriter {
  private readonly worker: Worker
  private waiting: Waiting | undefined = undefined
  private dead: Error | undefined = undefined

  private constructor(folder: string) {
    const thread = `./thread${extname(import.meta.filename)}` // .js once compiled
    this.worker = new Worker(new URL(thread, import.meta.url), { workerData: { folder } })
    this.worker.on('message', ({ fault }: OutcomeMessage) => this.settle(fault === undefined ? undefined : new Error(fault)))
    this.worker.on('error', (fault) => this.die(fault instanceof Error ? fault : new Error(String(fault))))
    this.worker.on('exit', () => this.die(new Error('the thread that writes has ended: start anew')))
  }
  /** Resolves once it can write. */
  static async open(folder: string): Promise<LmdbWriter> {
    const writer = new LmdbWriter(folder)
    await writer.next()
    return writer
  }
  /** Resolves when it is on the disk; rejects, and nothing of it is there, where the medium fails. One at a time. */
  commit({ records, reserve }: LmdbBatch): Promise<void> {
    if (this.dead !== undefined) return Promise.reject(this.dead)
    const keys: string[] = []
    const lengths: number[] = []
    const parts: Buffer[] = []
    for (const [key, bytes] of records) {
      keys.push(key)
      lengths.push(bytes === null ? -1 : bytes.length)
      if (bytes !== null) parts.push(bytes)
    }
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    const outcome = this.next()
    this.worker.postMessage({ keys, lengths, bytes, reserve } satisfies BatchMessage, [bytes.buffer])
    return outcome
  }
  /** The thread has ended by itself. */
  get isDead(): boolean {
    return this.dead !== undefined
  }
  async close(): Promise<void> {
    if (this.dead !== undefined) return
    const ended = new Promise<void>((resolve) => this.worker.once('exit', () => resolve()))
    this.worker.ref()
    this.worker.postMessage('close')
    await ended
  }

  /** The process lives at least until that has come. */
  private next(): Promise<void> {
    this.worker.ref()
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }
  private settle(fault: Error | undefined): void {
    const { waiting } = this
    this.waiting = undefined
    this.worker.unref()
    if (fault === undefined) waiting?.resolve()
    else waiting?.reject(fault)
  }
  private die(fault: Error): void {
    this.dead ??= fault
    this.settle(this.dead)
  }
}
