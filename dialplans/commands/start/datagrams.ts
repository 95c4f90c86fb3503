/** Carrier of datagrams: the native module, built at the first start where that can be, else Node's `dgram`. */
import { buildNative, udpKind } from '../../../signalling/tools.ts'
import { CommandRefusal } from '../support/refusal.ts'

export interface DatagramParts {
  readonly kindOf: typeof udpKind
  readonly build: () => Promise<string | undefined>
}

/** The carrier, in words. Throws a `CommandRefusal` where the module is asked for and cannot be had. */
export async function datagramCarrier(
  wanted: 'auto' | 'native' | 'dgram',
  { kindOf, build }: DatagramParts = { kindOf: udpKind, build: buildNative },
): Promise<string> {
  if (wanted === 'dgram') return 'dgram, as asked for'
  if (kindOf().kind === 'native') return 'the native module'
  const fault = await build()
  const { kind, why = 'it cannot be loaded' } = kindOf()
  if (kind === 'native') return 'the native module, built just now'
  if (wanted === 'native')
    throw new CommandRefusal(`there is no native UDP module: ${fault ?? why}; leave --udp out, and dgram is used`)
  return `dgram, and not the native module: ${fault ?? why}`
}
