/** Taps of a running node: a pcapng file, a HEP collector, both or none. The collector may change while messages pass. */
import type { Clock, Log } from '../../signalling/index.ts'
import { fanTap, openHep, openPcapng, type Tap } from '../../signalling/tools.ts'
import type { CaptureSettings } from '../network/dialplan.ts'

/** Of the file. */
export interface TapOptions {
  /** pcapng file to write every message to. */
  readonly trace?: string | undefined
  /** Instead: one that several nodes of this process share, and its owner closes. */
  readonly shared?: Tap | undefined
  /** Bytes of one trace file, and how many files are kept. */
  readonly traceSize?: number
  readonly traceFiles?: number
  /** Hide digest responses and other secrets. */
  readonly mask?: boolean
}

export class Taps {
  private readonly node: string
  private readonly log: Log
  private readonly file: Tap | undefined
  private readonly shared: Tap | undefined
  private capture: CaptureSettings
  private mirror: Tap | undefined

  /** Throws as `openSync` does where the file cannot be made. @param node the name under which a collector shows us */
  constructor(options: TapOptions, node: string, clock: Clock, log: Log) {
    this.node = node
    this.log = log
    this.shared = options.shared
    this.file = this.shared === undefined ? openTrace(options, clock, log) : undefined
    this.capture = {}
  }
  /** Undefined: messages go nowhere. */
  get tap(): Tap | undefined {
    return fanTap([this.shared, this.file, this.mirror].filter((tap) => tap !== undefined))
  }
  /** Mirrors to that collector from now on; the caller closes the `former` mirror. Undefined: nothing is other than before. */
  mirrorTo(capture: CaptureSettings = {}): { readonly former: Tap | undefined } | undefined {
    if (JSON.stringify(capture) === JSON.stringify(this.capture)) return undefined
    const { hep: collector, mask = false } = capture
    const { node, log, mirror: former } = this
    this.capture = capture
    this.mirror = collector && openHep({ collector, node, log, mask })
    return { former }
  }
  async close(): Promise<void> {
    await Promise.all([this.file?.close?.(), this.mirror?.close?.()])
  }
}

/** The trace file; undefined: none is wanted. Throws as `openSync` does where it cannot be made. */
export function openTrace(
  { trace: file, traceSize: size, traceFiles: files, mask = false }: TapOptions,
  clock: Clock,
  log: Log,
): Tap | undefined {
  return file === undefined ? undefined : openPcapng({ file, size, files, clock, log, mask })
}
