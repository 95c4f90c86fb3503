/** The command line's log: pino on standard error, readable on a terminal, JSON lines elsewhere. */
import { Option } from 'commander'
import { type DestinationStream, destination, pino } from 'pino'
import type { Log } from '../../../signalling/index.ts'
import { isKeptByJournal, priorities } from './output.ts'
import { printableJson } from './printable.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

export function logLevelOption(usual = 'info'): Option {
  return new Option('--log-level <level>', 'how much to log, on standard error').choices(levels).default(usual)
}

/** Written as it is logged, so that a crash loses nothing. */
export async function openLog(level: string): Promise<Log> {
  const options = { level, base: null }
  const stream = process.stderr.isTTY ? await readable() : isKeptByJournal(2) ? graded(destination(2)) : destination(2)
  const log: Log = pino(options, stream)
  return log
}

/** Lines of JSON that begin with how grave they are, which the journal takes off. */
export function graded(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(`${priorityOf(line)}${line}`) }
}

function priorityOf(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1])
  if (level >= 50) return priorities.error
  if (level >= 40) return priorities.warn
  return level >= 30 ? priorities.info : priorities.debug
}

/** pino-pretty, loaded where there is a terminal to read it. */
async function readable(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
  return { write: (line) => stream.write(`${printableJson(line)}\n`) }
}
