/**
 * Import of a file of subscribers into a running node, a batch at a time. Each is acknowledged, and stays if a later one
 * fails.
 */
import { createReadStream, statSync } from 'node:fs'
import { type LineFault, type RowFormat, RowsFault, readRows, type SubscriberRow } from '../../../elements/hss/index.ts'
import { printFault } from '../../network/dialplan.ts'
import { type SubscriberClient, UnreachableNode } from './client.ts'

interface ImportCounts {
  readonly added: number
  readonly changed: number
  readonly unchanged: number
  readonly faulty: number
}

interface ImportListener {
  /** `share` of the file that is acknowledged, from 0 to 1. */
  progress(share: number, counts: ImportCounts): void
  /** One line that was passed over, as `file:line: what`. */
  fault(text: string): void
}

interface ImportOutcome extends ImportCounts {
  readonly faults: readonly LineFault[]
}

const batch = 1000

/** Resolves with the counts of all lines. Rejects with `UnreachableNode`, which names the last line that is kept. */
export async function importFile(
  file: string,
  format: RowFormat,
  client: SubscriberClient,
  listener: ImportListener,
): Promise<ImportCounts> {
  const size = statSync(file).size
  const stream = createReadStream(file)
  let counts: ImportCounts = { added: 0, changed: 0, unchanged: 0, faulty: 0 }
  let acknowledged = 0
  const blame = (line: number, pointer: string, detail: string): void => {
    counts = { ...counts, faulty: counts.faulty + 1 }
    const where = pointer === '' ? '' : `${pointer.slice(1).replaceAll('/', '.')} `
    const [text, expected] = detail.split('; expected ', 2)
    listener.fault(
      expected === undefined ? `${file}:${line}: ${where}${text}` : printFault({ file, line, text: where + text, expected }),
    )
  }
  const send = async (rows: readonly SubscriberRow[], read: number): Promise<void> => {
    const sound = rows.flatMap((row) => (row.fault === undefined ? row : []))
    for (const { line, fault } of rows) if (fault !== undefined) blame(line, fault.pointer, fault.detail)
    if (sound.length > 0) {
      const body = sound.map(({ settings }) => JSON.stringify(settings)).join('\n')
      const asked = { body, type: 'application/x-ndjson' }
      const { value } = await client.ask<ImportOutcome>('POST', `/v1/subscribers?faults=${batch * 2}`, asked)
      for (const { line, pointer, detail } of value.faults) blame(sound[line - 1]?.line ?? line, pointer, detail)
      counts = {
        added: counts.added + value.added,
        changed: counts.changed + value.changed,
        unchanged: counts.unchanged + value.unchanged,
        faulty: counts.faulty,
      }
      acknowledged = sound.at(-1)!.line
    }
    listener.progress(size === 0 ? 1 : read / size, counts)
  }
  try {
    let flying: Promise<void> | undefined
    for await (const rows of readRows(stream, format, batch)) {
      await flying
      flying = send(rows, stream.bytesRead)
      flying.catch(() => undefined) // seen when the next batch is ready
    }
    await flying
  } catch (fault) {
    if (fault instanceof RowsFault) blame(fault.line, '', fault.message)
    else if (fault instanceof UnreachableNode && acknowledged > 0) {
      const kept = `lines up to ${acknowledged} are kept: import the file again once it runs`
      throw new UnreachableNode(`${fault.message}; ${kept}`, fault)
    } else throw fault
  } finally {
    stream.destroy()
  }
  return counts
}
