/** The ring of answers: what it finds, what it forgets and when, and that nothing is left. */
import test from 'ava'
import fc from 'fast-check'
import { HashIndex } from '../../../signalling/transactions/hash-index.ts'
import { RecentAnswers } from '../../../signalling/transactions/recent-answers.ts'
import { BenchFlow } from './bench.ts'

const flow = new BenchFlow(false)
const text = (answers: RecentAnswers, key: string, now = 0): string | undefined => answers.find(key, now)?.bytes.toString()

test('an answer is found by its whole key, until it is over', (t) => {
  const answers = new RecentAnswers({ seed: 1 })
  const bytes = Buffer.from('SIP/2.0 200 OK')
  answers.add('z9hG4bK-1|host:5060|MESSAGE', flow, bytes, 100)
  bytes.fill(0)
  const found = answers.find('z9hG4bK-1|host:5060|MESSAGE', 99)
  t.is(found?.bytes.toString(), 'SIP/2.0 200 OK', 'a copy is kept')
  t.is(found?.flow, flow)
  found?.bytes.fill(0)
  t.is(text(answers, 'z9hG4bK-1|host:5060|MESSAGE'), 'SIP/2.0 200 OK', 'and a copy is given')
  t.is(text(answers, 'z9hG4bK-1|host:5060|MESSAG'), undefined)
  t.is(text(answers, 'z9hG4bK-1|host:5060|MESSAGES'), undefined)
  t.is(text(answers, 'z9hG4bK-1|host:5060|OPTIONS'), undefined)
  t.is(text(answers, 'z9hG4bK-1|host:5060|MESSAGE', 100), undefined)
  t.is(answers.count, 1)
  answers.expire(100)
  t.is(answers.count, 0)
  t.is(answers.bytes, 0)
  t.is(answers.due, undefined)
})

test('a key that is over and not swept yet does not hide the same key, answered anew', (t) => {
  const answers = new RecentAnswers({ seed: 1 })
  answers.add('key', flow, Buffer.from('old'), 10)
  answers.add('key', flow, Buffer.from('new'), 20)
  t.is(text(answers, 'key', 15), 'new')
  answers.expire(15)
  t.is(text(answers, 'key', 15), 'new')
})

test('keys of any characters, empty answers', (t) => {
  const answers = new RecentAnswers({ seed: 1 })
  const keys = ['', 'é', '\u00c3\u00a9', 'ключ', 'ключи', '\ud800', '\u0000']
  for (const key of keys) answers.add(key, flow, Buffer.from(key === '' ? '' : `to ${key.length}`), 10)
  for (const key of keys) t.is(text(answers, key), key === '' ? '' : `to ${key.length}`)
  t.is(text(answers, '\ud801'), undefined)
})

test('a full ring lets the oldest go, a chunk at a time, and goes round', (t) => {
  const answers = new RecentAnswers({ seed: 1, chunk: 256, limit: 1024 })
  const answer = Buffer.alloc(100, 'x')
  for (let i = 0; i < 1000; i++) {
    answers.add(`k${i}`, flow, answer, i)
    t.true(answers.bytes <= 1024)
    t.is(text(answers, `k${i}`, -1), answer.toString())
  }
  t.true(answers.count >= 3 && answers.count <= 8, String(answers.count))
  t.is(answers.due, 1000 - answers.count, 'those left are the newest')
  t.is(text(answers, `k${answers.due! - 1}`, -1), undefined)
})

test('what is larger than a chunk has its own; what is larger than the limit is not kept', (t) => {
  const answers = new RecentAnswers({ seed: 1, chunk: 256, limit: 4096 })
  for (let i = 0; i < 20; i++) answers.add(`k${i}`, flow, Buffer.alloc(50), 10)
  answers.add('large', flow, Buffer.alloc(2000, 'l'), 10)
  answers.add('next', flow, Buffer.from('n'), 10)
  t.is(text(answers, 'large')?.length, 2000)
  t.is(text(answers, 'next'), 'n')
  answers.add('larger', flow, Buffer.alloc(4000, 'l'), 10)
  t.is(text(answers, 'larger')?.length, 4000, 'in place of all others')
  t.is(answers.count, 1)
  answers.add('too large', flow, Buffer.alloc(5000), 10)
  t.is(text(answers, 'too large'), undefined)
  t.is(answers.count, 1)
  t.true(answers.bytes <= 4096)
})

test('each flow is remembered while an answer names it, closed or not, and no longer', (t) => {
  const answers = new RecentAnswers({ seed: 1 })
  const flows = Array.from({ length: 5 }, () => new BenchFlow(false))
  for (let round = 0; round < 3; round++) {
    for (const [i, each] of flows.entries()) answers.add(`${round} ${i}`, each, Buffer.from('x'), round)
  }
  flows[0]!.close()
  answers.expire(1)
  const late = new BenchFlow(false)
  answers.add('late', late, Buffer.from('x'), 2)
  for (const [i, each] of flows.entries()) t.is(answers.find(`2 ${i}`, 0)?.flow, each)
  t.is(answers.find('late', 0)?.flow, late)
  answers.expire(2)
  answers.add('0 0', late, Buffer.from('x'), 3)
  t.is(answers.find('0 0', 0)?.flow, late)
})

test('it behaves as a map whose entries leave in order, whatever comes', (t) => {
  const step = fc.oneof(
    fc.record({ key: fc.nat(30), size: fc.nat(200) }),
    fc.record({ pass: fc.nat(40) }),
    fc.constant({ drop: true } as const),
  )
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
      const answers = new RecentAnswers({ seed, chunk: 512 })
      let model: { key: string; bytes: string; due: number }[] = []
      let now = 0
      for (const [i, each] of steps.entries()) {
        if ('key' in each) {
          const entry = { key: `k${each.key}`, bytes: `${i}`.padEnd(each.size, '.'), due: now + 64 }
          if (model.some(({ key, due }) => key === entry.key && due > now)) continue // the table asks first
          answers.add(entry.key, flow, Buffer.from(entry.bytes), entry.due)
          model.push(entry)
        } else if ('drop' in each) {
          if (answers.drop() !== (model.shift() !== undefined)) return false
        } else {
          now += each.pass
          if (each.pass % 2 === 0) {
            answers.expire(now)
            model = model.filter(({ due }) => due > now)
          }
        }
        if (answers.count !== model.length || answers.due !== model[0]?.due) return false
        for (let key = 0; key <= 30; key++) {
          const wanted = model.find((entry) => entry.key === `k${key}` && entry.due > now)
          if (text(answers, `k${key}`, now) !== wanted?.bytes) return false
        }
      }
      answers.expire(now + 64)
      return answers.count === 0 && answers.bytes === 0
    }),
  )
  t.pass()
})

test('places that share a hash, or a part of it, are told apart, and leave no hole in the search', (t) => {
  fc.assert(
    fc.property(fc.array(fc.record({ hash: fc.constantFrom(0, 1, 62, 63, 64, 127, -1), add: fc.boolean() })), (steps) => {
      const places = new HashIndex()
      const model: { hash: number; place: number }[] = []
      for (const [i, { hash, add }] of steps.entries()) {
        if (add) {
          places.add(hash, i + 1)
          model.push({ hash, place: i + 1 })
        } else {
          const gone = model.splice(i % Math.max(1, model.length), 1)[0]
          if (gone !== undefined) places.remove(gone.hash, gone.place)
        }
        places.remove(hash, 10_000) // was never there
        if (places.count !== model.length) return false
        for (const each of model) if (places.find(each.hash, (place) => place === each.place) !== each.place) return false
        if (places.find(hash, (place) => model.every((each) => each.place !== place)) !== 0) return false
      }
      return true
    }),
  )
  const many = new HashIndex()
  for (let i = 1; i <= 5000; i++) many.add(i % 7, i)
  for (let i = 1; i <= 5000; i += 2) many.remove(i % 7, i)
  t.is(many.count, 2500)
  for (let i = 2; i <= 5000; i += 2)
    t.is(
      many.find(i % 7, (place) => place === i),
      i,
    )
  many.clear()
  t.is(many.count, 0)
  t.is(
    many.find(0, () => true),
    0,
  )
})
