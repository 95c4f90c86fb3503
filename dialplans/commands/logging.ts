/** The command line's log: pino on standard error, readable on a terminal, JSON lines elsewhere. */
import { Option } from 'commander'
import { destination, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Log } from '../../signalling/index.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

export function logLevelOption(usual = 'info'): Option {
  return new Option('--log-level <level>', 'how much to log, on standard error').choices(levels).default(usual)
}

/** Written as it is logged, so that a crash loses nothing. */
export function openLog(level: string): Log {
  const options = { level, base: null }
  return process.stderr.isTTY
    ? pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname' }))
    : pino(options, destination(2))
}
