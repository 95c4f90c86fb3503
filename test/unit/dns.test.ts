/** The machine's own resolver against a name server of ours, on loopback. */
import test from 'ava'
import { systemResolver } from '../../signalling/index.ts'
import { a, naptr, openNameServer, srv } from '../support/name-server.ts'

test('NAPTR, SRV and addresses, what is not there, and what cannot be told', async (t) => {
  const server = await openNameServer((question) => {
    if (question === 'NAPTR far.example') return [naptr(10, 20, 's', 'SIP+D2U', '_sip._udp.far.example')]
    if (question === 'SRV _sip._udp.far.example') return [srv(1, 2, 5070, 'a.far.example'), srv(2, 0, 5080, 'b.far.example')]
    if (question === 'A a.far.example') return [a('10.0.9.1'), a('10.0.9.2')]
    return question.endsWith('broken.example') ? 'failure' : 'missing'
  })
  t.teardown(() => server.close())
  const resolver = systemResolver([server.address])
  t.like((await resolver.naptr('far.example'))[0], {
    order: 10,
    preference: 20,
    flags: 's',
    service: 'SIP+D2U',
    replacement: '_sip._udp.far.example',
  })
  const servers = await resolver.srv('_sip._udp.far.example')
  t.deepEqual(servers.map(({ priority, weight, port, name }) => [priority, weight, port, name]).sort(), [
    [1, 2, 5070, 'a.far.example'],
    [2, 0, 5080, 'b.far.example'],
  ])
  const addresses = await resolver.addresses('a.far.example', 4)
  t.deepEqual(addresses.map(({ address }) => address).sort(), ['10.0.9.1', '10.0.9.2'])
  t.is(addresses[0]!.ttl, 60)
  t.deepEqual(await resolver.addresses('a.far.example', 6), [])
  t.deepEqual(await resolver.srv('none.example'), [])
  await t.throwsAsync(resolver.addresses('broken.example', 4))
})

test('names that no server can be asked for are faults of the question, not of the process', async (t) => {
  const server = await openNameServer(() => 'noise')
  t.teardown(() => server.close())
  const resolver = systemResolver([server.address])
  for (const name of ['a..b', `${'x'.repeat(64)}.example`, `${'x.'.repeat(200)}example`, '\0', ''])
    await t.notThrowsAsync(
      resolver.srv(name).catch(() => []),
      JSON.stringify(name),
    )
})
