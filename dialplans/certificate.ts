/** The certificate of a node's TLS and WSS addresses, read again when its files change. */
import { readFileSync, statSync } from 'node:fs'
import type { Clock, Log, Node, TlsMaterial } from '../signalling/index.ts'
import { Refusal } from './commands/refusal.ts'
import { unreadable } from './text.ts'

const everyMs = 2_000

export class Certificate {
  /** As read last. */
  material: TlsMaterial
  private readonly files: { readonly certificate: string; readonly key: string }
  private seen: string

  /** Throws a Refusal where a file cannot be read. */
  constructor(files: { readonly certificate: string; readonly key: string }) {
    this.files = files
    this.material = { certificate: read(files.certificate), key: read(files.key) }
    this.seen = this.stamp()
  }
  private stamp(): string {
    return [this.files.certificate, this.files.key].map((file) => statSync(file).mtimeMs).join()
  }
  /** Hands new files to the node; what is no certificate is logged once and the old one stays. */
  watch(node: Node, clock: Clock, log: Log): void {
    const look = (): void => {
      clock.after(everyMs, look)
      try {
        const stamp = this.stamp()
        if (stamp === this.seen) return
        this.seen = stamp
        this.material = { certificate: read(this.files.certificate), key: read(this.files.key) }
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

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Refusal(`${file}: ${unreadable(error)}; give PEM files under tls, or make a pair with proxima cert`, error)
  }
}
