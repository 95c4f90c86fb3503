/** The registrar (RFC 3261 §10.3), outbound (RFC 5626), Path (RFC 3327) and Service-Route (RFC 3608). */
import test from 'ava'
import { answering, contactOf, RegistrarScene } from './registrar-scene.ts'

const outbound = ['Supported: path, outbound, gruu']

test('two flows of one instance stand side by side; each is replaced by its own number, whatever its Contact', async (t) => {
  const scene = await RegistrarScene.open()
  const [one, two] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2')]
  await scene.register(one, 'bob', contactOf('sip:bob@10.0.5.1', 1, 1))
  const both = await scene.register(two, 'bob', contactOf('sip:bob@10.0.5.1', 1, 2))
  t.is(both.texts('Contact').length, 2, 'the same URI on another flow is another binding')
  const again = await scene.register(two, 'bob', contactOf('sip:elsewhere@10.0.5.2', 1, 1))
  t.deepEqual(
    again
      .texts('Contact')
      .map((text) => text.replace(/;\+sip.*?reg/, ';reg'))
      .sort(),
    ['<sip:bob@10.0.5.1>;reg-id=2;expires=3599', '<sip:elsewhere@10.0.5.2>;reg-id=1;expires=3600'],
  )
  const other = await scene.register(two, 'bob', contactOf('sip:bob@10.0.5.1', 2, 1))
  t.is(other.texts('Contact').length, 3, 'another instance is another device')
})

test('a request goes to one flow of an instance at a time: the newest, and the next where that is dead', async (t) => {
  const scene = await RegistrarScene.open()
  const [edge, old, other, from] = await Promise.all(
    ['10.0.8.1', '10.0.5.1', '10.0.5.3', '10.0.5.9'].map((host) => scene.wire(host)),
  )
  await scene.register(answering(old!), 'bob', contactOf('sip:bob@10.0.5.1', 1, 1))
  await scene.register(edge!, 'bob', contactOf('sip:bob@10.0.5.2', 1, 2), { lines: ['Path: <sip:10.0.8.1;lr;ob>', ...outbound] })
  answering(edge!, 430)
  t.is((await scene.message(from!, 'sip:bob@localhost')).status, 200)
  t.deepEqual([edge!.requests.length, old!.requests.length], [1, 1])
  t.is(edge!.requests[0]!.uriText, 'sip:bob@10.0.5.2')
  t.is(edge!.requests[0]!.text('Route'), '<sip:10.0.8.1;lr;ob>')

  await scene.register(answering(old!), 'bob', contactOf('sip:bob@10.0.5.1', 1, 1)) // now the newest
  await scene.register(answering(other!), 'bob', contactOf('sip:bob@10.0.5.3', 2, 1))
  for (const wire of [edge!, old!, other!]) wire.clear()
  t.is((await scene.message(from!, 'sip:bob@localhost')).status, 200)
  t.deepEqual([edge!.requests.length, old!.requests.length, other!.requests.length], [0, 1, 1], 'every device, each once')
})

test('all flows of a device dead: its user is away', async (t) => {
  const scene = await RegistrarScene.open()
  const [edge, from] = [await scene.wire('10.0.8.1'), await scene.wire('10.0.5.9')]
  for (const regId of [1, 2])
    await scene.register(edge, 'bob', contactOf('sip:bob@10.0.5.2', 1, regId), {
      lines: ['Path: <sip:10.0.8.1;lr;ob>', ...outbound],
    })
  answering(edge, 430)
  t.is((await scene.message(from, 'sip:bob@localhost')).status, 480)
  t.is(edge.requests.length, 2)
})

test('an INVITE that a flow does not answer goes on by the next; one that is refused does not', async (t) => {
  const scene = await RegistrarScene.open()
  const [old, fresh, from] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2'), await scene.wire('10.0.5.9')]
  await scene.register(old, 'bob', contactOf('sip:bob@10.0.5.1', 1, 1))
  await scene.register(fresh, 'bob', contactOf('sip:bob@10.0.5.2', 1, 2))
  answering(old, 486)
  const parts = { from: 'sip:x@elsewhere.example', contact: '<sip:x@10.0.5.9>' }
  from.send(scene.text('INVITE', 'sip:bob@localhost', { ...parts, callId: 'i1' }))
  await scene.lab.clock.advance(40_000)
  t.true(fresh.requests.length > 1)
  t.is(from.statuses.at(-1), 486)
  answering(fresh, 486)
  old.clear()
  from.send(scene.text('INVITE', 'sip:bob@localhost', { ...parts, callId: 'i2' }))
  await scene.lab.clock.advance(40_000)
  t.false(old.requests.some(({ method }) => method === 'INVITE'))
  t.is(from.statuses.at(-1), 486)
})

test('outbound asked for and given: Require and Flow-Timer, shorter over datagrams; else neither', async (t) => {
  const scene = await RegistrarScene.open({ flowTimer: 90 })
  const wire = await scene.wire('10.0.5.1')
  const given = await scene.register(wire, 'bob', contactOf('sip:bob@10.0.5.1', 1, 1), { lines: outbound })
  t.deepEqual([given.text('Require'), given.text('Flow-Timer')], ['outbound', '29'])
  for (const [contact, lines] of [
    [contactOf('sip:bob@10.0.5.1', 1, 1), ['Supported: path']],
    [contactOf('sip:bob@10.0.5.1', 1), outbound],
    ['<sip:bob@10.0.5.1>;reg-id=1', outbound],
  ] as const) {
    const answer = await scene.register(wire, 'bob', contact, { lines })
    t.is(answer.status, 200)
    t.deepEqual([answer.has('Require'), answer.has('Flow-Timer')], [false, false], contact)
  }
  const short = await RegistrarScene.open({ flowTimer: 10 })
  const answer = await short.register(await short.wire('10.0.5.1'), 'bob', contactOf('sip:bob@10.0.5.1', 1, 1), {
    lines: outbound,
  })
  t.is(answer.text('Flow-Timer'), '10')
})

test('439 where the first hop does not keep the flow; who does not ask for outbound registers without', async (t) => {
  const scene = await RegistrarScene.open()
  const [edge, stranger] = [await scene.wire('10.0.8.1'), await scene.wire('10.0.5.7')]
  const contact = contactOf('sip:bob@10.0.5.1', 1, 1)
  const via = 'Via: SIP/2.0/UDP 10.0.5.1;branch=z9hG4bK-inner'
  const lacking = [via, 'Path: <sip:10.0.8.1;lr>', ...outbound]
  t.is((await scene.register(edge, 'bob', contact, { lines: lacking })).status, 439)
  t.is((await scene.register(stranger, 'bob', contact, { lines: [via, 'Path: <sip:10.0.5.7;lr;ob>', ...outbound] })).status, 439)
  t.is((await scene.register(edge, 'bob', contact, { lines: [via, 'Path: <sip:10.0.8.1;lr;ob>', ...outbound] })).status, 200)
  const without = await scene.register(edge, 'eve', contact, { lines: [via, 'Path: <sip:10.0.8.1;lr>', 'Supported: path'] })
  t.is(without.status, 200)
  const second = await scene.register(edge, 'eve', contactOf('sip:eve@10.0.5.4', 1, 1), {
    lines: [via, 'Path: <sip:10.0.8.1;lr>'],
  })
  t.is(second.texts('Contact').length, 2, 'reg-id does not count there: two contacts by their URIs')
})

test('reg-id is a number above 0, in a Contact that stands alone', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  const base = '<sip:bob@10.0.5.1>;+sip.instance="<urn:uuid:1>"'
  for (const value of ['0', 'x', '', '4294967296', '-1'])
    t.is((await scene.register(wire, 'bob', `${base};reg-id=${value}`)).status, 400, value)
  t.is((await scene.register(wire, 'bob', [`${base};reg-id=1`, '<sip:bob@10.0.5.2>'])).status, 400)
  t.is((await scene.register(wire, 'bob', [`${base};reg-id=1`, '<sip:bob@10.0.5.2>;expires=0'])).status, 200)
})

test('Contact: * takes all away, with Expires 0 and nothing else', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  await scene.register(wire, 'bob', ['<sip:a@10.0.5.1>', '<sip:b@10.0.5.1>'], { cseq: 10 })
  for (const [contact, lines] of [
    ['*', []],
    ['*', ['Expires: 60']],
    ['*, <sip:a@10.0.5.1>', ['Expires: 0']],
    ['*;expires=0', ['Expires: 0']],
    [['*', '<sip:a@10.0.5.1>'], ['Expires: 0']],
    [['*', '*'], ['Expires: 0']],
  ] as const)
    t.is((await scene.register(wire, 'bob', contact, { lines, cseq: 20 })).status, 400, String(contact))
  t.is((await scene.register(wire, 'bob', '*', { lines: ['Expires: 0'], cseq: 10 })).status, 500)
  t.is((await scene.register(wire, 'bob', [])).texts('Contact').length, 2, 'nothing was taken')
  t.is((await scene.register(wire, 'bob', '*', { lines: ['Expires: 0'], cseq: 11 })).status, 200)
  t.deepEqual((await scene.register(wire, 'bob', [])).texts('Contact'), [])
  t.is((await scene.register(wire, 'bob', '*', { lines: ['Expires: 0'], cseq: 12 })).status, 200, 'also where nothing is')
})

test('out of order: a CSeq that is not above the last of its Call-ID changes nothing', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  t.is((await scene.register(wire, 'bob', '<sip:bob@10.0.5.1>;expires=600', { cseq: 7 })).status, 200)
  for (const cseq of [6, 7]) {
    const late = await scene.register(wire, 'bob', ['<sip:new@10.0.5.1>', '<sip:bob@10.0.5.1>;expires=0'], { cseq })
    t.is(late.status, 500, String(cseq))
  }
  t.deepEqual((await scene.register(wire, 'bob', [])).texts('Contact').length, 1, 'none of its contacts came in')
  t.is((await scene.register(wire, 'bob', '<sip:bob@10.0.5.1>', { cseq: 1, callId: 'another' })).status, 200)
})

test('the same contact twice in one request: the last word counts', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  const answer = await scene.register(wire, 'bob', ['<sip:bob@10.0.5.1>;q=0.1', '<sip:bob@10.0.5.1>;q=0.2'])
  t.deepEqual(answer.texts('Contact'), ['<sip:bob@10.0.5.1>;q=0.2;expires=3600'])
})

test('too short is 423 with Min-Expires, and changes nothing; too long is cut', async (t) => {
  const scene = await RegistrarScene.open({ expires: { min: 30, usual: 50, max: 100 } })
  const wire = await scene.wire('10.0.5.1')
  const short = await scene.register(wire, 'bob', ['<sip:a@10.0.5.1>;expires=60', '<sip:b@10.0.5.1>;expires=29'])
  t.deepEqual([short.status, short.text('Min-Expires')], [423, '30'])
  const long = await scene.register(wire, 'bob', ['<sip:a@10.0.5.1>;expires=9999999999', '<sip:b@10.0.5.1>'])
  t.deepEqual(long.texts('Contact'), ['<sip:a@10.0.5.1>;expires=100', '<sip:b@10.0.5.1>;expires=50'])
})

test('Path: kept and told where a trusted peer adds it, refused to who does not know it where so set', async (t) => {
  const scene = await RegistrarScene.open({ path: 'supported' })
  const [edge, stranger] = [await scene.wire('10.0.8.1'), await scene.wire('10.0.5.7')]
  const path = 'Path: <sip:10.0.8.1;lr>, <sip:inner.example;lr>'
  const refused = await scene.register(edge, 'bob', '<sip:bob@10.0.5.1>', { lines: [path] })
  t.deepEqual([refused.status, refused.text('Require')], [421, 'path'])
  const taken = await scene.register(edge, 'bob', '<sip:bob@10.0.5.1>', { lines: [path, 'Supported: path'] })
  t.deepEqual([taken.status, taken.list('Path')], [200, ['<sip:10.0.8.1;lr>', '<sip:inner.example;lr>']])
  answering(edge)
  t.is((await scene.message(stranger, 'sip:bob@localhost')).status, 200)
  t.deepEqual(edge.requests.at(-1)?.list('Route'), ['<sip:10.0.8.1;lr>', '<sip:inner.example;lr>'])
  const own = await scene.register(stranger, 'eve', '<sip:eve@10.0.5.7>', { lines: ['Path: <sip:10.0.5.66;lr>'] })
  t.deepEqual([own.status, own.has('Path')], [200, false], 'of anybody else it does not count')
})

test('Require: what we can is let in, the rest named', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  t.is((await scene.register(wire, 'bob', '<sip:bob@10.0.5.1>', { lines: ['Require: path, Outbound, gruu'] })).status, 200)
  const refused = await scene.register(wire, 'bob', '<sip:bob@10.0.5.1>', { lines: ['Require: path, nonsense'] })
  t.deepEqual([refused.status, refused.text('Unsupported')], [420, 'nonsense'])
})

test('Service-Route is told in every 200, in order', async (t) => {
  const scene = await RegistrarScene.open({ serviceRoute: ['sip:edge.example;lr', 'sip:home.example;lr'] })
  const wire = await scene.wire('10.0.5.1')
  for (const contact of [[], '<sip:bob@10.0.5.1>', '<sip:bob@10.0.5.1>;expires=0']) {
    const answer = await scene.register(wire, 'bob', contact)
    t.deepEqual(answer.texts('Service-Route'), ['<sip:edge.example;lr>', '<sip:home.example;lr>'])
  }
  const plain = await RegistrarScene.open()
  t.false((await plain.register(await plain.wire('10.0.5.1'), 'bob', [])).has('Service-Route'))
})

test('a Contact without brackets: its instance counts, and what is quoted is no bracket', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  const bare = contactOf('sip:bob@10.0.5.1:5060', 1).replace('<sip:bob@10.0.5.1:5060>', 'sip:bob@10.0.5.1:5060')
  const answer = await scene.register(wire, 'bob', bare, { lines: ['Supported: gruu'] })
  t.is(answer.status, 200)
  t.regex(answer.text('Contact')!, /^<sip:bob@10\.0\.5\.1:5060>;\+sip\.instance="<urn:uuid:0+1-[^"]*>";pub-gruu=/)
})

test('the twelfth start of one phone takes the place of its first; other devices keep theirs', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  await scene.register(wire, 'bob', contactOf('sip:bob@10.0.5.9', 9))
  await scene.register(wire, 'bob', '<sip:plain@10.0.5.9>')
  const start = (port: number) =>
    scene.register(wire, 'bob', contactOf(`sip:bob@10.0.5.1:${port}`, 1), { callId: `start-${port}` })
  for (let port = 6001; port <= 6012; port++) t.is((await start(port)).status, 200, `${port}`)
  const contacts = (await start(6012)).texts('Contact').map((text) => /<sip:(?:\w+)@10\.0\.5\.(.*?)>/.exec(text)![1])
  t.deepEqual(contacts, ['9', '9', ...[6005, 6006, 6007, 6008, 6009, 6010, 6011, 6012].map((port) => `1:${port}`)])
  const other = await scene.register(wire, 'bob', '<sip:one-more@10.0.5.9>')
  t.is(other.status, 403)
  t.regex(other.text('Warning')!, /more than 10 contacts; expected/)
})

test('a REGISTER with more Contacts than a user may have and has is refused before they are compared', async (t) => {
  const scene = await RegistrarScene.open({ contacts: 3 })
  const wire = await scene.wire('10.0.5.1')
  const contacts = (count: number, from = 0): string[] =>
    Array.from({ length: count }, (_, i) => `<sip:bob@10.0.5.1:${6000 + from + i}>`)
  t.is((await scene.register(wire, 'bob', contacts(3))).status, 200)
  const removed = contacts(3).map((contact) => `${contact};expires=0`)
  t.is((await scene.register(wire, 'bob', [...removed, ...contacts(3, 3)])).status, 200, 'all of them anew')
  const twice = contacts(7).fill('<sip:bob@10.0.5.1:6003>')
  const refused = await scene.register(wire, 'bob', twice)
  t.is(refused.status, 403)
  t.regex(refused.text('Warning')!, /more than 3 contacts; expected a REGISTER with fewer/)
  t.is((await scene.register(wire, 'bob', twice.slice(1))).status, 200, 'as many as may be there before and after')
})

test('the 200 says what time it is here (RFC 3261 §10.3 step 8)', async (t) => {
  const scene = await RegistrarScene.open()
  const answer = await scene.register(await scene.wire('10.0.5.1'), 'bob', '<sip:bob@10.0.5.1>')
  t.regex(answer.text('Date')!, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  t.true(Math.abs(Date.parse(answer.text('Date')!) - scene.lab.clock.date()) < 3000)
})

test('contacts that no datagram would list are refused, with the way out; there may always be fewer', async (t) => {
  const scene = await RegistrarScene.open({ contacts: 100 })
  const wire = await scene.wire('10.0.5.1')
  const long = (n: number): string => `<sip:bob${n}@10.0.5.1>;x="${'y'.repeat(7000)}"`
  for (const n of [1, 2, 3, 4]) t.is((await scene.register(wire, 'bob', long(n))).status, 200)
  const refused = await scene.register(wire, 'bob', long(5))
  t.is(refused.status, 403)
  t.regex(
    refused.text('Warning')!,
    /contacts of 35\d\d\d bytes together; expected at most 32768: shorten them, or unregister some/,
  )
  t.is((await scene.register(wire, 'bob', `${long(1)};expires=0`)).texts('Contact').length, 3)
  t.is((await scene.register(wire, 'bob', long(5))).texts('Contact').length, 4)
})

test('a REGISTER that comes again after a restart is answered as before, and an older one is not', async (t) => {
  const scene = await RegistrarScene.open()
  const wire = await scene.wire('10.0.5.1')
  const [contact, other] = ['<sip:bob@10.0.5.1>', '<sip:bob@10.0.5.2>']
  t.is((await scene.register(wire, 'bob', contact, { cseq: 5 })).status, 200)
  await scene.restart()
  const again = await scene.register(wire, 'bob', contact, { cseq: 5 })
  t.is(again.status, 200)
  t.regex(again.texts('Contact').join(), /^<sip:bob@10\.0\.5\.1>;expires=359[89]$/, 'of the first one')
  t.is((await scene.register(wire, 'bob', [contact, other], { cseq: 5 })).texts('Contact').length, 2)
  t.is((await scene.register(wire, 'bob', contact, { cseq: 4 })).status, 500)
  t.is((await scene.register(wire, 'bob', contact, { cseq: 5, lines: ['Expires: 0'] })).status, 500)
  t.is((await scene.register(wire, 'bob', `${contact};q=0.5`, { cseq: 5 })).status, 500, 'it says something else')
})
