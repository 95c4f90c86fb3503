/** Session descriptions that cross to another operator: A18, P65. */
import test from 'ava'
import { publicDescription } from '../../../elements/proxy/public-description.ts'

const lines = (...text: readonly string[]): string => text.map((line) => `${line}\r\n`).join('')
const head = ['v=0', 'o=- 1 1 IN IP4 10.0.0.5', 's=-', 'c=IN IP4 10.0.0.5', 't=0 0']

test('A18, P65: candidates of a home go, and the public one stands for the medium', (t) => {
  const before = lines(
    ...head,
    'm=text 5000 RTP/AVP 98',
    'a=rtpmap:98 t140/1000',
    'a=candidate:1 1 UDP 2130706431 10.0.0.5 5000 typ host',
    'a=candidate:2 1 UDP 1694498815 44.1.2.3 6000 typ srflx raddr 10.0.0.5 rport 5000',
    'a=candidate:3 1 UDP 2130706431 fd00::5 5000 typ host',
    'a=candidate:4 1 UDP 2130706431 2a00:1450::5 5000 typ host',
    'a=candidate:5 1 UDP 2130706431 5f3c.local 5000 typ host',
  )
  t.is(
    publicDescription(before),
    lines(
      ...[
        'v=0',
        'o=- 1 1 IN IP4 44.1.2.3',
        's=-',
        't=0 0',
        'm=text 6000 RTP/AVP 98',
        'c=IN IP4 44.1.2.3',
        'a=rtpmap:98 t140/1000',
      ],
      'a=candidate:2 1 UDP 1694498815 44.1.2.3 6000 typ srflx raddr 0.0.0.0 rport 9',
      'a=candidate:4 1 UDP 2130706431 2a00:1450::5 5000 typ host',
    ),
  )
})
test('without a public candidate nothing of ours is left', (t) => {
  const shown = publicDescription(
    lines(...head, 'm=audio 5000 RTP/AVP 0', 'c=IN IP4 192.168.1.9', 'a=rtcp:5001 IN IP4 192.168.1.9'),
  )
  t.notRegex(shown, /10\.0\.0|192\.168/)
  t.regex(shown, /^c=IN IP4 0\.0\.0\.0\r$/m)
  t.regex(shown, /^m=audio 5000 /m)
})
test('what is public stays byte for byte, each medium by itself', (t) => {
  const open = lines(
    'v=0',
    'o=- 1 1 IN IP4 44.1.2.3',
    's=-',
    't=0 0',
    'm=audio 5000 RTP/AVP 0',
    'c=IN IP4 44.1.2.3/127',
    'a=rtcp:5001',
  )
  t.is(publicDescription(open), open)
  const mixed = publicDescription(
    lines('v=0', 's=-', 'm=audio 1 RTP/AVP 0', 'c=IN IP4 44.1.2.3', 'm=text 2 RTP/AVP 98', 'c=IN IP6 fd00::1'),
  )
  t.is(mixed, lines('v=0', 's=-', 'm=audio 1 RTP/AVP 0', 'c=IN IP4 44.1.2.3', 'm=text 2 RTP/AVP 98', 'c=IN IP6 ::'))
  for (const text of ['', 'v=0', 'm=', 'c=IN IP4 ', 'a=candidate:']) t.is(publicDescription(text), text)
})

test('a place is a candidate for media over UDP: not of RTCP, nor of TCP', (t) => {
  const others = [
    'a=candidate:1 2 UDP 1694498814 44.1.2.3 6001 typ srflx',
    'a=candidate:2 1 TCP 1518280447 44.1.2.3 9 typ host tcptype active',
  ]
  const shown = publicDescription(lines(...head, 'm=audio 5000 RTP/AVP 0', ...others))
  t.regex(shown, /^m=audio 5000 /m)
  t.regex(shown, /^c=IN IP4 0\.0\.0\.0\r$/m)
  t.regex(shown, /6001 typ/)
})
test('each medium has its own place, and none where it shows no public candidate', (t) => {
  const before = [
    ...['m=audio 5000 RTP/AVP 0', 'i=voice', 'a=candidate:1 1 UDP 1694498815 44.1.2.3 6000 typ srflx'],
    ...['m=text 5002 RTP/AVP 98', 'a=rtpmap:98 t140/1000'],
    ...['m=video 0 RTP/AVP 31', 'a=candidate:1 1 UDP 1694498815 44.1.2.3 6004 typ srflx'],
  ]
  const after = [
    ...['v=0', 'o=- 1 1 IN IP4 44.1.2.3', 's=-', 't=0 0'],
    ...['m=audio 6000 RTP/AVP 0', 'i=voice', 'c=IN IP4 44.1.2.3', before[2]!],
    ...['m=text 5002 RTP/AVP 98', 'c=IN IP4 0.0.0.0', 'a=rtpmap:98 t140/1000'],
    ...['m=video 0 RTP/AVP 31', 'c=IN IP4 44.1.2.3', before[6]!],
  ]
  t.is(publicDescription(lines(...head, ...before)), lines(...after))
  t.is(publicDescription('c=IN IP4 10.0.0.5\r\nm=audio 1 RTP/AVP 0'), 'm=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n')
})
test('where the address of a medium is public, other attributes and names say nothing of ours either', (t) => {
  const open = ['v=0', 'o=- 1 1 IN IP4 44.1.2.3', 's=-', 'c=IN IP4 44.1.2.3', 't=0 0', 'm=audio 5000 RTP/AVP 0']
  const hidden = [
    ...['a=rtcp:9 IN IP4 10.0.0.5', 'a=remote-candidates:1 44.1.2.3 5000 2 10.0.0.5 5001', 'a=candidate:1 1 UDP 1'],
    ...['a=source-filter: incl IN IP4 * 10.0.0.5', 'a=candidate:1 1  UDP 2130706431  10.0.0.5 5000 typ host'],
    ...['a=candidate:1 1 UDP 2130706431 pbx.lan 5000 typ host', 'a=rtcp:9 IN IP4 pbx'],
  ]
  const kept = ['a=rtcp:5001 IN IP4 44.1.2.3', 'a=remote-candidates:1 44.1.2.3 5000', 'a=sendrecv']
  t.is(publicDescription(lines(...open, ...hidden, ...kept)), lines(...open, ...kept))
  for (const name of ['pbx.lan', 'media.north.example', 'pbx', '10.0.0.5 '])
    t.is(publicDescription(lines('v=0', `c=IN  IP4 ${name}`)), lines('v=0', `c=IN  IP4 0.0.0.0${name.endsWith(' ') ? ' ' : ''}`))
})
