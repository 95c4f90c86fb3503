/** Datagrams to a socket of the Unix domain, by the native module: Node itself has none. */
import { getSystemErrorName } from 'node:util'
import { loadNative, type NativeUdp } from './udp-native.ts'

/**
 * Sends to a path, or to an abstract name, which begins with @. Undefined: it is sent. Else why not, as `EAGAIN` where the
 * receiver has no room now, or `ENOSYS` where there is no native module.
 */
export function sendUnixDatagram(to: string, text: string, native: NativeUdp | string = loadNative()): string | undefined {
  if (typeof native === 'string' || native.sendUnix === undefined) return 'ENOSYS'
  const outcome = native.sendUnix(to, new TextEncoder().encode(text))
  return outcome === 0 ? undefined : getSystemErrorName(outcome)
}
