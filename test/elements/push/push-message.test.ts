/** A Push as its device gets it: what its sender wrote, and nothing that is of one hop or between elements. */
import test from 'ava'
import { PushScene } from './scene.ts'

const ofNetwork = [
  ...['P-Visited-Network-ID: "op-b.example"', 'P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=2620101e0'],
  ...['P-Served-User: <sip:alice@localhost>', 'P-Credentials-Id: abc', 'P-Charging-Vector: icid-value=1'],
  ...['P-Preferred-Identity: <sip:alice@localhost>', 'Authorization: Digest username="alice"'],
]

test('where its source roams, and by which cell, no device is told, now or later, with Privacy or without', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  t.is(await scene.push('stored', { lines: ofNetwork }), 202)
  await scene.register(phone)
  await scene.pass(3)
  t.is(await scene.push('now', { lines: [...ofNetwork, 'Privacy: id', 'X-Own: kept'] }), 200)
  t.deepEqual(phone.got, ['stored', 'now'])
  for (const request of phone.requests) for (const line of ofNetwork) t.false(request.has(line.split(':', 1)[0]!), line)
  t.is(phone.requests[1]!.text('X-Own'), 'kept')
  t.false(phone.requests[1]!.has('P-Asserted-Identity'))
})

test('of a phone that writes compact names each field is there once', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  const parts = { isCompact: true, lines: ['Subject: lunch', 'Contact: <sip:alice@10.0.1.9>', 'Content-Encoding: identity'] }
  t.is(await scene.push('stored', parts), 202)
  await scene.register(phone)
  await scene.pass(3)
  t.is(await scene.push('now', parts), 200)
  t.deepEqual(phone.got, ['stored', 'now'])
  for (const request of phone.requests) {
    const names = request.headers.map(([name]) => name)
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'Content-Type', 'Content-Length', 'Subject', 'Content-Encoding'])
      t.is(names.filter((own) => own === name).length, 1, name)
    t.is(names.filter((name) => name.length === 1).length, 0)
    t.false(request.text('Contact')?.includes('10.0.1.9') ?? false)
  }
})
