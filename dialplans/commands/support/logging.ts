/** The command line's log: pino on standard error, readable on a terminal, JSON lines elsewhere. */
import { Option } from 'commander'
import { type DestinationStream, destination, pino } from 'pino'
import type { Log } from '../../../signalling/index.ts'
import { printableJson } from './printable.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

export function logLevelOption(usual = 'info'): Option {
  return new Option('--log-level <level>', 'how much to log, on standard error').choices(levels).default(usual)
}

/** Written as it is logged, so that a crash loses nothing. */
export async function openLog(level: string): Promise<Log> {
  const options = { level, base: null }
  const stream = process.stderr.isTTY ? await readable() : destination(2)
  const log: Log = pino(options, stream)
  return log
}

/** pino-pretty, loaded where there is a terminal to read it. */
async function readable(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
  return { write: (line) => stream.write(`${printableJson(line)}\n`) }
}
