/** Random datagrams between both carriers: what comes is what was sent, in the order in which it was sent, or the kernel dropped it. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { loadNative } from '../../signalling/transports/udp-native.ts'
import { type Carried, openEnd, until } from '../contracts/datagrams.ts'

execFileSync('sh', [join(import.meta.dirname, '../../signalling/native/build.sh')])
const carriers: readonly Carried[] = [
  { kind: 'dgram' },
  ...(typeof loadNative() === 'string' ? [] : [{ kind: 'native' } as const]),
]

const size = fc.oneof(fc.nat(40), fc.nat(1500), fc.nat(9000), fc.constantFrom(0, 1, 65_506, 65_507, 65_508, 70_000))
const datagram = fc.record({ size, seed: fc.nat(250), pause: fc.boolean() })
const batchOf = fc.array(datagram, { minLength: 1, maxLength: 120 }).filter((all) => total(all) < 500_000) // what any kernel keeps

function total(all: readonly { readonly size: number }[]): number {
  return all.reduce((sum, { size }) => sum + size, 0)
}
function bytesOf({ size, seed }: { readonly size: number; readonly seed: number }): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) % 256))
}

for (const sender of carriers) {
  for (const receiver of carriers) {
    test(`random datagrams, ${sender.kind} to ${receiver.kind}`, async (t) => {
      const [a, b] = [await openEnd(sender), await openEnd({ ...receiver, echo: true })]
      const flow = a.to(b)
      const check = fc.asyncProperty(batchOf, async (all) => {
        const taken: Buffer[] = []
        for (const one of all) {
          const bytes = bytesOf(one)
          const sent = flow.send(bytes)
          if (sent !== one.size <= 65_507) throw new Error(`${one.size} bytes: ${sent}`)
          if (sent) taken.push(bytes)
          if (one.pause) await new Promise((resolve) => setImmediate(resolve))
        }
        await until(() => a.got.length >= taken.length)
        const [there, back] = [b.got.splice(0), a.got.splice(0)]
        for (const [i, bytes] of taken.entries()) {
          if (!there[i]!.bytes.equals(bytes) || !back[i]!.bytes.equals(bytes)) throw new Error(`number ${i} came otherwise`)
        }
      })
      await t.notThrowsAsync(fc.assert(check, { numRuns: 40 }))
      await Promise.all([a.transport.close(), b.transport.close()])
    })
  }
}
