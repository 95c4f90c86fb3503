import test from 'ava'
import { Repeats } from '../../../elements/ue/agents/repeats.ts'

const message = { source: 'sip:alice@op-a.example', callId: 'b7e4c1f09a2d4c3e', cseq: 1, fromTag: 't1' }

test('a MESSAGE is a repeat by source, Call-ID, CSeq and From tag together', (t) => {
  const repeats = new Repeats()
  t.false(repeats.isRepeat(message))
  t.true(repeats.isRepeat({ ...message }))
  for (const other of [{ source: 'sip:bob@op-a.example' }, { callId: 'another' }, { cseq: 2 }, { fromTag: 't2' }]) {
    t.false(repeats.isRepeat({ ...message, ...other }), JSON.stringify(other))
    t.true(repeats.isRepeat({ ...message, ...other }))
  }
})

test('the last ten thousand are remembered', (t) => {
  const repeats = new Repeats()
  for (let cseq = 1; cseq <= 10_001; cseq++) t.false(repeats.isRepeat({ ...message, cseq }))
  t.true(repeats.isRepeat({ ...message, cseq: 2 }))
  t.false(repeats.isRepeat({ ...message, cseq: 1 }), 'the oldest has made room')
})
