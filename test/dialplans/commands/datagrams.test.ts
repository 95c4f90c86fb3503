/** The carrier of datagrams, as `proxima start` tells it. */
import test from 'ava'
import { type DatagramParts, datagramCarrier } from '../../../dialplans/commands/start/datagrams.ts'

/** A machine where the module is there, or can be built, or cannot. */
function machine(kind: 'built' | 'buildable' | 'without'): DatagramParts & { builds: number } {
  const parts = {
    builds: 0,
    kindOf: () =>
      kind === 'built' || (kind === 'buildable' && parts.builds > 0)
        ? ({ kind: 'native' } as const)
        : ({ kind: 'dgram', why: 'not built on this machine' } as const),
    build: async () => {
      parts.builds++
      return kind === 'without' ? 'there is no C compiler (cc)' : undefined
    },
  }
  return parts
}

test('the module is used where it is, and built once where it can be', async (t) => {
  const built = machine('built')
  t.is(await datagramCarrier('auto', built), 'the native module')
  t.is(built.builds, 0)
  const buildable = machine('buildable')
  t.is(await datagramCarrier('auto', buildable), 'the native module, built just now')
  t.is(await datagramCarrier('auto', buildable), 'the native module')
  t.is(buildable.builds, 1)
})

test('elsewhere it is dgram, with the reason; who asks for the module is refused', async (t) => {
  t.is(await datagramCarrier('auto', machine('without')), 'dgram, and not the native module: there is no C compiler (cc)')
  await t.throwsAsync(datagramCarrier('native', machine('without')), { message: /no C compiler \(cc\); leave --udp out/ })
  const unasked = machine('buildable')
  t.is(await datagramCarrier('dgram', unasked), 'dgram, as asked for')
  t.is(unasked.builds, 0)
})
