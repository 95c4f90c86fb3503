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
        'c=IN IP4 44.1.2.3',
        't=0 0',
        'm=text 6000 RTP/AVP 98',
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
