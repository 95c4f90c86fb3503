/** Programs of the desktop, run without a shell: arguments are never words of a command line. */
import { spawn } from 'node:child_process'

interface ProgramOutcome {
  /** Exit code; undefined: it could not be run, or took too long. */
  readonly code: number | undefined
  readonly out: string
}

/** `silent`: nothing reads its output, which an application that it starts goes on with. */
export type RunProgram = (program: string, args: readonly string[], output?: 'read' | 'silent') => Promise<ProgramOutcome>

const patience = 10_000 // milliseconds
const longest = 65_536 // characters of output

/** Never rejects. */
export const runProgram: RunProgram = (program, args, output = 'read') =>
  new Promise((resolve) => {
    const stdio = ['ignore', output === 'read' ? 'pipe' : 'ignore', 'ignore'] as const
    const child = spawn(program, args, { shell: false, stdio: [...stdio], timeout: patience })
    let out = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (out.length < longest) out += text
    })
    child.on('error', () => resolve({ code: undefined, out }))
    child.on('close', (code) => resolve({ code: code ?? undefined, out }))
  })
