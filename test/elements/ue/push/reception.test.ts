import { deflateSync } from 'node:zlib'
import test from 'ava'
import { desktopApplication, StageDesktop, StageUser } from '../../../../dialplans/flows/push/clients.ts'
import { imdnBody } from '../../../../elements/shared/values/imdn.ts'
import type { OpenAnswer, PushNotice } from '../../../../elements/ue/index.ts'
import { PushClientScene } from './scene.ts'

const viewer = desktopApplication({ id: 'org.example.viewer', types: ['image/*', 'text/*', 'application/*'] })
const picture = { type: 'image/png', application: viewer.id }

test('A17: 1,000 Pushes at once: one prompt, one question, one process with all of them', async (t) => {
  const scene = new PushClientScene()
  const desktop = new StageDesktop([viewer])
  const notices: PushNotice[] = []
  let answer: (given: OpenAnswer) => void = () => t.fail()
  let asked = 0
  const ask = (): Promise<OpenAnswer> => {
    asked++
    return new Promise((resolve) => {
      answer = resolve
    })
  }
  await scene.open({ desktop, ask, prompters: [(notice) => void notices.push(notice)] })
  const texts = Array.from({ length: 1000 }, (_, i) => String(i))
  const statuses = await Promise.all(texts.map((content) => scene.comes({ ...picture, content })))
  t.deepEqual(new Set(statuses), new Set([200]))
  await scene.pass(5)
  t.deepEqual([notices.length, asked, desktop.starts.length], [1, 1, 0])
  answer('yes')
  await scene.pass(5)
  t.deepEqual(desktop.starts, [[viewer.id, texts]])
  t.deepEqual([notices.length, asked], [1, 1])
  await scene.comes({ ...picture, content: 'later' })
  await scene.pass(30)
  t.is(Number(asked), 2, 'yes was for those')
})

test('A17: 1,000 at once without a question: one process, and one that takes a file at a time is never there twice', async (t) => {
  const scene = new PushClientScene()
  const desktop = new StageDesktop([{ ...viewer, opensMany: false }])
  await scene.open({ desktop })
  await Promise.all(Array.from({ length: 1000 }, () => scene.comes(picture)))
  await scene.pass(60)
  t.is(desktop.starts.length, 1)
  desktop.processes.clear()
  await scene.pass(60)
  t.is(desktop.starts.length, 2)
})

test('A17: programs and pages are never opened, whatever they are called; no application identifier starts nothing', async (t) => {
  const scene = new PushClientScene()
  const desktop = new StageDesktop([viewer], { 'text/plain': viewer.id, 'text/html': viewer.id, 'application/x-sh': viewer.id })
  const notices: PushNotice[] = []
  const client = await scene.open({ desktop, prompters: [(notice) => void notices.push(notice)] })
  const hostile = [
    { type: 'application/x-desktop' },
    { type: 'application/x-sh' },
    { type: 'application/java-archive' },
    { type: 'text/html' },
    { type: 'text/plain', content: '#!/bin/sh\nrm -r ~' },
    { type: 'image/png', content: '[Desktop Entry]\nExec=rm', application: viewer.id },
    { type: 'text/plain', application: '../../evil' },
    { type: 'text/plain', application: '; rm' },
  ]
  for (const parts of hostile) t.is(await scene.comes(parts), 200)
  await scene.pass(10)
  t.deepEqual(desktop.starts, [])
  t.deepEqual(notices.map(({ unopened }) => unopened).toSorted(), [
    ...Array(6).fill('executable'),
    ...Array(2).fill('no application identifier'),
  ])
  t.is(client.unopened().length, 8, 'it is kept')
})

test('an application gets only what it says that it opens, whoever asks for it', async (t) => {
  const scene = new PushClientScene()
  const shell = desktopApplication({ id: 'org.example.terminal', types: [] })
  const desktop = new StageDesktop([shell])
  await scene.open({ desktop })
  await scene.comes({ type: 'text/plain', application: shell.id })
  await scene.pass(10)
  t.deepEqual(desktop.starts, [])
})

test('A17: an application that changes while the user thinks is asked for anew', async (t) => {
  const scene = new PushClientScene()
  const desktop = new StageDesktop([viewer])
  const user = new StageUser('always', 'no')
  const ask = (notice: PushNotice) => {
    if (user.asked.length === 0) desktop.applications = [{ ...viewer, digest: 'changed' }]
    return user.answer(notice)
  }
  await scene.open({ desktop, ask })
  await scene.comes(picture)
  await scene.pass(5)
  t.is(user.asked.length, 2)
  t.deepEqual(desktop.starts, [])
})

test('A4, P42: a repeat is dropped and answered 200, within 32 s and after, over a restart; another source’s is none', async (t) => {
  const scene = new PushClientScene()
  const got: string[] = []
  const run = async (): Promise<void> => {
    const client = await scene.open()
    client.run({ id: 'chat', take: ({ source }) => got.push(source) > 0 })
  }
  await run()
  const push = { callId: 'one', application: 'chat' }
  t.deepEqual(await Promise.all([scene.comes(push), scene.comes(push)]), [200, 200])
  await scene.pass(60)
  t.is(await scene.comes(push), 200)
  await scene.client.stop()
  await run()
  t.is(await scene.comes(push), 200)
  await scene.pass(1)
  t.is(got.length, 1)
  t.is(await scene.comes({ ...push, source: 'sip:bob@op-b.example' }), 200)
  await scene.pass(1)
  t.is(got.length, 2)
})

test('where the store fails nothing is taken, and the server is told 500', async (t) => {
  const scene = new PushClientScene()
  await scene.open()
  scene.store.write = async () => {
    throw new Error('the disk is full')
  }
  t.is(await scene.comes(), 500)
})

const askingForDisplay = [
  ...['From: <sip:a@b>', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: m1', 'imdn.Disposition-Notification: display'],
  ...['', 'Content-Type: text/plain', '', 'hello'],
].join('\r\n')

test('a receipt for a source whose URI is none is owed no more', async (t) => {
  const scene = new PushClientScene()
  const client = await scene.open()
  client.run({ id: 'chat', take: () => true })
  t.is(await scene.comes({ source: 'no uri', type: 'message/cpim', content: askingForDisplay, application: 'chat' }), 200)
  await scene.pass(30)
  t.is(scene.sent.length, 0)
  const owed: unknown[] = []
  for await (const [key, { value }] of scene.store.scan('ue-push/'))
    if (key.includes('/inbox/')) owed.push((value as { readonly owed: unknown }).owed)
  t.deepEqual(owed, [[]])
})

test('a receipt is sent until it is taken, by the same name; one that is packed is read; none is sent about it', async (t) => {
  const scene = new PushClientScene()
  const client = await scene.open()
  const heard: string[] = []
  client.onReceipt(({ disposition, messageId }) => heard.push(`${messageId} ${disposition}`))
  client.run({ id: 'chat', take: () => true })
  scene.answers = [408, 503]
  await scene.comes({ type: 'message/cpim', content: askingForDisplay, application: 'chat' })
  await scene.pass(30)
  t.is(scene.sent.length, 3)
  t.is(new Set(scene.sent.map(({ callId }) => callId)).size, 1)
  t.regex(String(scene.sent[0]!.body.content), /<message-id>m1<\/message-id>[\s\S]*<display-notification><status><displayed\/>/)
  const names = { from: 'sip:a@b', to: 'sip:c@d', recipient: 'sip:a@b', messageId: 'm<2>', ownId: 'r', at: 0 }
  const receipt = imdnBody({ disposition: 'declined', ...names })
  await scene.comes({ type: receipt.type, content: receipt.content })
  const xml = receipt.content.slice(receipt.content.indexOf('<?xml'))
  await scene.comes({ type: 'message/imdn+xml', content: deflateSync(xml), headers: { 'Content-Encoding': 'deflate' } })
  await scene.pass(30)
  t.deepEqual(heard, ['m<2> declined', 'm<2> declined'])
  t.is(scene.sent.length, 3)
})

test('answers and words of other services are left to others', async (t) => {
  const scene = new PushClientScene()
  await scene.open()
  t.is(scene.comes({ type: 'application/vnd.proxima.prose-match+json' }), undefined)
  t.is(scene.comes({ headers: { 'In-Reply-To': 'abc' } }), undefined)
})

test('A1: CPIM From is nobody’s word; what cannot be unpacked is refused', async (t) => {
  const scene = new PushClientScene()
  const got: string[] = []
  const client = await scene.open()
  client.run({ id: 'chat', types: [], take: ({ source }) => got.push(source) > 0 })
  const content = 'From: <sip:alice@op-a.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhello'
  const mallory = 'sip:mallory@op-b.example'
  const cpim = { type: 'message/cpim', content, application: 'chat', source: mallory, asserted: false }
  t.is(await scene.comes(cpim), 200)
  await scene.pass(5)
  t.deepEqual(got, [mallory])
  for (const coding of ['gzip', 'deflate', 'deflate, gzip'])
    t.is(await scene.comes({ ...cpim, headers: { 'Content-Encoding': coding } }), 415, coding)
  await scene.pass(5)
  t.is(got.length, 1)
})
