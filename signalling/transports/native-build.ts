/** Build of the native UDP module, where a C compiler and Node's headers are. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'

const script = join(import.meta.dirname, '../native/build.sh')
const patience = 60_000 // milliseconds; a machine under load takes some

/** Resolves when it is built, or with the reason why not. */
export function buildNative(file = script): Promise<string | undefined> {
  return new Promise((resolve) => {
    const args = ['LOUD=1', `NODE_BINARY=${process.execPath}`, 'sh', file]
    execFile('env', args, { timeout: patience }, (fault, _out, said) => {
      const why = said.trim().split('\n', 1)[0]! || fault?.message
      resolve(why === 'up to date' ? undefined : why)
    })
  })
}
