/** Where copies of messages go: a pcapng file, a HEP collector, both or none. */
import { type Clock, fanTap, type HostPort, type Log, openHep, openPcapng, type Tap } from '../signalling/index.ts'

export interface TapOptions {
  /** pcapng file to write every message to. */
  readonly trace?: string
  /** Bytes of one trace file, and how many files are kept. */
  readonly traceSize?: number
  readonly traceFiles?: number
  /** HEP version 3 collector to mirror every message to, over UDP. */
  readonly hep?: HostPort
  /** Hide digest responses and other secrets in both. */
  readonly mask?: boolean
}

/** Throws as `openSync` does where the file cannot be made. @param node what a collector shows for us */
export function openTaps(options: TapOptions, node: string, clock: Clock, log: Log): Tap | undefined {
  const { trace: file, traceSize: size, traceFiles: files, hep: collector, mask = false } = options
  const taps: Tap[] = []
  if (file !== undefined) taps.push(openPcapng({ file, size, files, clock, log, mask }))
  if (collector !== undefined) taps.push(openHep({ collector, node, log, mask }))
  return fanTap(taps)
}
