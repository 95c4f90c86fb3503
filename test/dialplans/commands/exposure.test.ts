/** Demo passwords: refused beyond loopback, and in a container only where its environment says that nobody else gets there. */
import { join } from 'node:path'
import test from 'ava'
import { exposure, exposureByWord, isPublishedOnLoopback } from '../../../dialplans/commands/start/exposure.ts'
import { readDialplan } from '../../../dialplans/commands/support/network.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'

const loopback = readDialplan(join(import.meta.dirname, '../../../dialplans/default.yaml'))
const lan = ['127.0.0.1', '::1', '172.18.0.2', 'fe80::1%eth0', 'fd00::7']
const inContainer = { isPublishedOnLoopback: true, addresses: lan }

function at(host: string, outer?: string): Dialplan {
  const advertise = outer === undefined ? {} : { advertise: { host: outer, port: 5060 } }
  return { ...loopback, listen: [...loopback.listen, { transport: 'UDP', host, port: 5070, ...advertise }] }
}

test('on loopback there is nothing to say', (t) => {
  t.is(exposure(loopback), undefined)
  t.is(exposureByWord(loopback, inContainer), undefined)
})

test('beyond it, a demo password is refused', (t) => {
  for (const plan of [at('0.0.0.0'), at('0.0.0.0', '127.0.0.1'), at('172.18.0.2', '127.0.0.1')])
    t.regex(exposure(plan, { addresses: lan }) ?? '', /will not listen on udp:\/\/.*:5070, beyond this machine, while sip:alice/)
})

test('a container that is told to be published on loopback is warned instead, if it says so itself', (t) => {
  for (const plan of [at('0.0.0.0', '127.0.0.1'), at('172.18.0.2', '127.0.0.1'), at('::', '::1')]) {
    t.is(exposure(plan, inContainer), undefined)
    t.regex(
      exposureByWord(plan, inContainer) ?? '',
      /^sip:alice@localhost has its demo password, and udp:\/\/.* PROXIMA_PUBLISHED says that .* on loopback alone$/,
    )
  }
})

test('and refused all the same where its word cannot be so', (t) => {
  const publicly = { isPublishedOnLoopback: true, addresses: [...lan, '203.0.113.7'] }
  for (const [plan, surroundings] of [
    [at('0.0.0.0'), inContainer],
    [at('0.0.0.0', '192.168.1.7'), inContainer],
    [at('203.0.113.7', '127.0.0.1'), inContainer],
    [at('0.0.0.0', '127.0.0.1'), publicly],
    [at('172.15.0.2', '127.0.0.1'), inContainer],
  ] as const) {
    t.regex(exposure(plan, surroundings) ?? '', /beyond this machine/)
    t.is(exposureByWord(plan, surroundings), undefined)
  }
  const both = { ...at('0.0.0.0', '127.0.0.1'), http: { host: '0.0.0.0', port: 8080 }, api: { open: true } }
  t.regex(exposure(both, inContainer) ?? '', /will not serve subscribers/)
})

test('where nobody has a demo password, nothing is said', (t) => {
  const elements = loopback.elements.filter(({ role }) => role !== 'hss')
  t.is(exposure({ ...at('0.0.0.0'), elements }), undefined)
  t.is(exposureByWord({ ...at('0.0.0.0', '127.0.0.1'), elements }, inContainer), undefined)
})

test('the word of the environment is loopback, or none', (t) => {
  t.true(isPublishedOnLoopback({ PROXIMA_PUBLISHED: 'loopback' }))
  for (const word of ['', undefined]) t.false(isPublishedOnLoopback({ PROXIMA_PUBLISHED: word }))
  t.throws(() => isPublishedOnLoopback({ PROXIMA_PUBLISHED: '127.0.0.1' }), { message: /expected loopback, or nothing/ })
})
