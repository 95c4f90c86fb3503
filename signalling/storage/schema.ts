/** The version of stored records, and the way from an older one. Kept under a symbol, which no visible key can be. */
import type { RootDatabase } from 'lmdb'
import { StoreFault } from './fault.ts'

/** Raised with every change of the records' meaning. */
export const currentSchema = 1

/** Rewrites all records of one schema into the next, inside one transaction; may be called once only. */
interface Migration {
  readonly from: number
  readonly apply: (db: RootDatabase<Buffer, string>) => void
}

/** In rising order of `from`; a gap is a version that is refused. */
const migrations: readonly Migration[] = []

const schemaKey = Symbol.for('schema') as unknown as string
const sequenceKey = Symbol.for('sequence') as unknown as string

/** Number of versions reserved at a time, so that a restart never gives one twice and a put never writes the counter. */
export const versionReserve = 2 ** 24

/** Migrates the folder's records to `wanted`, or throws `store-schema`. Returns the first version to give out. */
export function prepareSchema(
  db: RootDatabase<Buffer, string>,
  folder: string,
  wanted: number,
  steps: readonly Migration[] = migrations,
): number {
  return db.transactionSync(() => {
    let found = number(db, schemaKey) ?? wanted
    while (found < wanted) {
      const step = steps.find(({ from }) => from === found)
      if (step === undefined) break
      step.apply(db)
      found++
    }
    if (found !== wanted) {
      const other = found > wanted ? 'a newer' : 'an older'
      throw new StoreFault(
        'store-schema',
        `store ${folder} holds schema ${found} of ${other} program and this one needs ${wanted}: ` +
          'start the program that wrote it, or give another folder',
      )
    }
    put(db, schemaKey, wanted)
    return reserveVersions(db, number(db, sequenceKey) ?? 1)
  })
}

/** Reserves versions from `first` on, within the transaction under way. */
export function reserveVersions(db: RootDatabase<Buffer, string>, first: number): number {
  put(db, sequenceKey, first + versionReserve)
  return first
}

function number(db: RootDatabase<Buffer, string>, key: string): number | undefined {
  const bytes = db.getBinary(key)
  return bytes === undefined ? undefined : bytes.readDoubleLE(0)
}

function put(db: RootDatabase<Buffer, string>, key: string, value: number): void {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value, 0)
  db.put(key, bytes)
}
