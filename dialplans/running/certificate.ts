/** The certificates of a node, its own and the authorities for others, read again when their files change. */
import { readFileSync, statSync } from 'node:fs'
import type { Clock, Log, Node, TlsMaterial } from '../../signalling/index.ts'
import type { TlsFiles } from '../network/dialplan.ts'
import { CommandRefusal } from '../network/refusal.ts'
import { unreadable } from '../network/text.ts'

const everyMs = 2_000

export class Certificate {
  /** As read last. */
  material: TlsMaterial
  private readonly files: TlsFiles
  private seen: string

  /** Throws a CommandRefusal where a file cannot be read. */
  constructor(files: TlsFiles) {
    this.files = files
    this.material = readAll(files)
    this.seen = this.stamp()
  }
  private stamp(): string {
    const { certificate, key, authorities = certificate } = this.files
    return [certificate, key, authorities].map((file) => statSync(file).mtimeMs).join()
  }
  /** Hands new files to the node; a file that is no certificate is logged once and the old one stays. */
  watch(node: Node, clock: Clock, log: Log): void {
    const look = (): void => {
      clock.after(everyMs, look)
      try {
        const stamp = this.stamp()
        if (stamp === this.seen) return
        this.seen = stamp
        this.material = readAll(this.files)
        node.renewTls(this.material)
        log.info({ file: this.files.certificate }, 'certificate read again')
      } catch (fault) {
        log.warn(
          { file: this.files.certificate, fault: fault instanceof Error ? fault.message : String(fault) },
          'the old certificate stays',
        )
      }
    }
    clock.after(everyMs, look)
  }
}

function readAll({ certificate, key, authorities, requireClient }: TlsFiles): TlsMaterial {
  return {
    certificate: read(certificate),
    key: read(key),
    ...(authorities === undefined ? {} : { authorities: read(authorities) }),
    ...(requireClient === undefined ? {} : { requireClient }),
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandRefusal(`${file}: ${unreadable(error)}; give PEM files under tls, or make them with proxima cert`, error)
  }
}
