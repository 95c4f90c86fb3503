/** Circuit-switched fallback (SPEC §5.6): which messages may go by the short message centre. */
import { deflateSync } from 'node:zlib'
import test from 'ava'
import { PushScene } from './scene.ts'

const cpim = (head: string): string => ['From: <sip:alice@localhost>', '', head, '', 'hello'].join('\r\n')
const deflated = (text: string): string => deflateSync(text).toString('latin1')
const latin1 = { bodyAs: 'latin1', lines: ['Content-Encoding: deflate'] } as const

for (const [name, isText, body, parts] of [
  ['text', true, 'hello', { type: 'text/plain;charset=utf-8' }],
  ['text in a CPIM message', true, cpim('Content-Type: Text/Plain'), { type: 'Message/CPIM' }],
  ['a CPIM message without a type, which is text', true, cpim('Content-ID: <1>'), { type: 'message/cpim' }],
  ['a picture', false, 'GIF89a', { type: 'image/gif' }],
  ['a picture in a CPIM message', false, cpim('Content-Type: image/gif'), { type: 'message/cpim' }],
  ['deflated text', true, deflated('hello'), { type: 'text/plain', ...latin1 }],
  ['a deflated CPIM message', true, deflated(cpim('Content-Type: text/plain')), { type: 'message/cpim', ...latin1 }],
  ['text packed otherwise', false, 'hello', { type: 'text/plain', lines: ['Content-Encoding: gzip'] }],
  ['text in another charset', false, 'd\xe9j\xe0', { type: 'text/plain;charset=iso-8859-1', bodyAs: 'latin1' }],
] as const)
  test(`fallback: ${name}: ${isText ? 'it may go' : 'it waits for a device'}`, async (t) => {
    const scene = await PushScene.open({ smsc: 'smsc' })
    t.is(await scene.push(body, parts), 202)
    const keys: string[] = []
    for await (const [key] of scene.stored('push/push/fallback/')) keys.push(key)
    t.is(keys.length, isText ? 1 : 0)
  })
