/** Which server is meant by a URI, a host name or an address, with or without a port (SPEC §2.2, §4). */
import test from 'ava'
import { KnownServers } from '../../../../elements/shared/clients/known-servers.ts'

const home = ['home.example', '192.0.2.1']

test('by URI: a port that both say decides', (t) => {
  const servers = new KnownServers(
    ['prose', 'sip:prose2@home.example', 'sip:prose@198.51.100.7:5061', 'sip:prose@198.51.100.7:5062'],
    home,
  )
  t.is(servers.first, 'sip:prose@home.example')
  for (const [named, uri] of [
    ['sip:prose@home.example', 'sip:prose@home.example'],
    ['sip:prose@192.0.2.1', 'sip:prose@home.example'],
    ['sip:prose@home.example:5060', 'sip:prose@home.example'],
    ['SIP:prose2@HOME.example.', 'sip:prose2@home.example'],
    ['sip:prose@198.51.100.7:5062', 'sip:prose@198.51.100.7:5062'],
    ['sip:prose@198.51.100.7:5061', 'sip:prose@198.51.100.7:5061'],
    ['sip:prose@198.51.100.7', 'sip:prose@198.51.100.7:5061'],
    ['sip:prose@198.51.100.7:5063', undefined],
    ['sip:evil@198.51.100.7:5061', undefined],
    ['sip:prose@evil.example', undefined],
    ['<>', undefined],
    ['', undefined],
  ] as const)
    t.is(servers.find(named), uri, named)
  t.true(servers.isOne('sip:prose@198.51.100.7'))
  t.false(servers.isOne('sip:prose@evil.example'))
})

test('by host name or address', (t) => {
  const places = { 'sip:prose@home.example': '192.0.2.1:5061', 'sip:prose2@home.example': '192.0.2.1:5062' }
  const uris = ['prose', 'prose2', 'sip:prose@far.example', 'sip:prose@[2001:db8::7]:5064']
  const servers = new KnownServers(uris, home, places)
  for (const [named, uri] of [
    ['home.example', 'sip:prose@home.example'],
    ['prose2.home.example', 'sip:prose2@home.example'],
    ['PROSE2.home.example.', 'sip:prose2@home.example'],
    ['sip:prose2.home.example', 'sip:prose2@home.example'],
    ['192.0.2.1:5062', 'sip:prose2@home.example'],
    ['192.0.2.1:5061', 'sip:prose@home.example'],
    ['192.0.2.1', 'sip:prose@home.example'],
    ['far.example', 'sip:prose@far.example'],
    ['2001:db8::7', 'sip:prose@[2001:db8::7]:5064'],
    ['[2001:DB8::7]:5064', 'sip:prose@[2001:db8::7]:5064'],
    ['[2001:db8::7]:5065', undefined],
    ['prose3.home.example', undefined],
    ['192.0.2.9', undefined],
  ] as const)
    t.is(servers.find(named), uri, named)
})

test('without any server there is none', (t) => {
  const servers = new KnownServers([], home)
  t.is(servers.first, undefined)
  t.is(servers.find('home.example'), undefined)
})
