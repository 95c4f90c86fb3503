/** Thread that writes for a store whose writes wait for the disk, one transaction a message. */
import { parentPort, workerData } from 'node:worker_threads'
import { firstLine } from '../fault.ts'
import { commitBatch, openDatabase } from './batch.ts'
import { LmdbRoom } from './room.ts'

/** Records one behind the other in `bytes`; `lengths`: -1 is a deletion. */
export interface BatchMessage {
  readonly keys: readonly string[]
  readonly lengths: readonly number[]
  readonly bytes: Uint8Array
  readonly reserve: number | undefined
}

/** Of the last batch; the first one says that the thread is ready. */
export interface OutcomeMessage {
  readonly fault?: string
}

const { folder } = workerData as { readonly folder: string }
const db = openDatabase(folder, true)
const room = new LmdbRoom(folder, db)

function* recordsOf({ keys, lengths, bytes }: BatchMessage): Generator<readonly [string, Buffer | null]> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  for (const [i, key] of keys.entries()) {
    const length = lengths[i]!
    yield [key, length < 0 ? null : all.subarray(at, at + length)]
    at += Math.max(0, length)
  }
}

async function take(message: BatchMessage | 'close'): Promise<void> {
  if (message === 'close') {
    room.close()
    await db.close()
    parentPort!.close()
    return
  }
  let outcome: OutcomeMessage = {}
  try {
    commitBatch(db, room, { records: [...recordsOf(message)], reserve: message.reserve })
  } catch (thrown) {
    outcome = { fault: firstLine(thrown) }
  }
  parentPort!.postMessage(outcome)
}

parentPort!.on('message', (message: BatchMessage | 'close') => void take(message))
parentPort!.postMessage({} satisfies OutcomeMessage)
