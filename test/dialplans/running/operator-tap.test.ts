/** The tap of one operator among several of a process: names with the operator, and each message between two of them once. */
import test from 'ava'
import { operatorTap } from '../../../dialplans/running/operator-tap.ts'
import { memoryTap } from '../../../signalling/testing.ts'
import type { Endpoint, TappedMessage } from '../../../signalling/tools.ts'

const north: Endpoint = { address: '10.0.0.1', port: 5060 }
const south: Endpoint = { address: '10.0.0.2', port: 5060 }
const phone: Endpoint = { address: '10.0.1.1', port: 5060 }
const message = (direction: TappedMessage['direction'], from: Endpoint, to: Endpoint): TappedMessage => {
  return { at: 0, transport: 'UDP', direction, from, to, bytes: Buffer.from('x') }
}

test('elements carry their operator, and another operator its name', (t) => {
  const all = memoryTap(10)
  const nameAt = ({ address }: Endpoint): string | undefined => (address === south.address ? 'south/proxy' : undefined)
  const tap = operatorTap(all, 'north', nameAt)
  const own = { ...north, name: 'proxy' }
  tap.message(message('local', own, { ...north, name: 'presence' }))
  tap.message(message('in', phone, own))
  tap.message(message('out', own, south))
  tap.message(message('in', south, own)) // south has tapped it as it sent it
  t.deepEqual(
    all.messages.map(({ from, to }) => [from.name, to.name]),
    [
      ['north/proxy', 'north/presence'],
      [undefined, 'north/proxy'],
      ['north/proxy', 'south/proxy'],
    ],
  )
})
