/** Who may connect and who may stay, in virtual time. */
import test from 'ava'
import { ManualClock } from '../../../signalling/testing.ts'
import { ConnectionLimits, type LimitedConnection, sourceOf } from '../../../signalling/transports/connection-limits.ts'

interface Peer extends LimitedConnection {
  identity: string | undefined
  readonly why: string[]
}

function peer(): Peer {
  const why: string[] = []
  return { identity: undefined, heardAt: 0, begunAt: 0, why, shed: (text) => void why.push(text) }
}

function scene(limits: ConstructorParameters<typeof ConnectionLimits>[0]['limits'] = {}) {
  const clock = new ManualClock()
  const counted: string[] = []
  const connections = new ConnectionLimits({
    clock,
    limits,
    isTrusted: (host) => host === '10.0.0.1',
    count: (name) => void counted.push(name),
  })
  return { clock, counted, connections }
}

test('so many from one address, so many in all, and room again when one leaves', (t) => {
  const { connections, counted } = scene({ perSource: 2, total: 4 })
  t.true(connections.enter('192.0.2.1'))
  t.true(connections.enter('192.0.2.1'))
  t.false(connections.enter('192.0.2.1'))
  t.true(connections.enter('192.0.2.2'))
  connections.leave('192.0.2.1')
  t.true(connections.enter('192.0.2.1'))
  t.true(connections.enter('192.0.2.3'))
  t.false(connections.enter('192.0.2.4'), 'in all')
  t.is(connections.size, 4)
  t.deepEqual(counted, ['connections_refused', 'connections_refused'])
})

test('a trusted address has no limit of its own', (t) => {
  const { connections } = scene({ perSource: 1, total: 3 })
  for (const more of [true, true, true, false]) t.is(connections.enter('10.0.0.1'), more)
})

test('strangers leave room for those who are trusted', (t) => {
  const { connections } = scene({ perSource: 100, total: 40 })
  for (let i = 0; i < 38; i++) t.true(connections.enter(`192.0.2.${i}`))
  t.false(connections.enter('192.0.2.100'))
  for (const more of [true, true, false]) t.is(connections.enter('10.0.0.1'), more)
})

test('one source: an IPv4 address, or 64 bits of an IPv6 one', (t) => {
  for (const [host, source] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '0:0:0:0'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002:3:4:5:6', '2001:db8:1:2'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ] as const)
    t.is(sourceOf(host), source, host)
})

test('silence ends a connection, later one that somebody registered by', async (t) => {
  const { clock, connections, counted } = scene({ idle: 10, head: 5 })
  const [stranger, user, busy] = [peer(), peer(), peer()]
  user.identity = 'sip:alice@localhost'
  for (const each of [stranger, user, busy]) {
    connections.watch(each)
    each.begunAt = -1
  }
  for (let second = 0; second < 12; second++) {
    await clock.advance(1000)
    busy.heardAt = connections.tick
  }
  t.deepEqual([stranger.why.length, user.why.length, busy.why.length], [1, 0, 0])
  await clock.advance(120_000)
  t.deepEqual([stranger.why.length, user.why.length, busy.why.length], [1, 1, 1])
  t.deepEqual(counted, ['connections_idle', 'connections_idle', 'connections_idle'])
  await clock.advance(2000)
  t.is(clock.nextDue, undefined, 'no timer runs for nobody')
})

test('a message that comes by drops ends its connection, however lively it is', async (t) => {
  const { clock, connections, counted } = scene({ idle: 100, head: 5 })
  const slow = peer()
  connections.watch(slow)
  for (let second = 0; second < 10 && slow.why.length === 0; second++) {
    await clock.advance(1000)
    slow.heardAt = connections.tick
  }
  t.deepEqual(slow.why, ['no whole message in time'])
  t.deepEqual(counted, ['connections_slow'])
})

test('who has registered for longer may be silent for longer', async (t) => {
  const { clock, connections } = scene({ idle: 10, head: 5 })
  const user = { ...peer(), identity: 'sip:alice@localhost', keptFor: 200 }
  connections.watch(user)
  user.begunAt = -1
  await clock.advance(200_000)
  t.is(user.why.length, 0)
  await clock.advance(3000)
  t.is(user.why.length, 1)
})
