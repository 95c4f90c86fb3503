/** Documents with many prefixes: each part is told with those that it uses, and none is worked on more than it is long. */
import test from 'ava'
import { composed } from '../../../elements/presence/composition.ts'
import { childrenOf, partialBody } from '../../../elements/presence/partial.ts'
import { checkPidf, type Pidf } from '../../../elements/presence/pidf.ts'

const prefixes = Array.from({ length: 1200 }, (_, i) => ` xmlns:p${i}="urn:${i}"`).join('')
const document = (inside: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"${prefixes}>${inside}</presence>`
const read = (text: string): Pidf => {
  const found = checkPidf(Buffer.from(text))
  if (found.fault !== undefined) throw new Error(found.fault)
  return found
}

test('a part takes along the prefixes that it uses, in names and in values, and no others', (t) => {
  const one = read(document('<p7:x p9:y="1" kind="p11:z"/><p1:x xmlns:p1="urn:other"/>'))
  const text = composed('sip:a@b', [one])
  t.true(text.includes('<p7:x xmlns:p7="urn:7" xmlns:p9="urn:9" xmlns:p11="urn:11" p9:y="1" kind="p11:z"/>'), text)
  t.true(text.includes('<p1:x xmlns:p1="urn:other"/>'))
  t.true(text.length < 400)
  t.is(checkPidf(Buffer.from(text)).fault, undefined)
  t.true(childrenOf(one).list.every(({ source }) => source.length < 200))
})

test('prefixes declared at many children go no further than these', (t) => {
  const children = Array.from({ length: 400 }, (_, i) => `<p${i}:x xmlns:q="urn:q${i}"><q:y/></p${i}:x>`).join('')
  const { parts, namespaces } = read(document(children))
  t.is(parts.length, 400)
  t.is(parts[399]!.meaning, 'urn:399 x')
  t.is(namespaces.get('q'), undefined)
  t.regex(checkPidf(Buffer.from(document('<x xmlns:q="u"/><q:x/>'))).fault ?? '', /the prefix of q:x is not declared/)
  t.regex(checkPidf(Buffer.from(document('<x xmlns:p1=""/>'))).fault ?? '', /xmlns:p1 is empty/)
})

test('a thousand parts of one identifier have names of their own', (t) => {
  const one = read(document('<x id="a"/>'.repeat(1000)))
  const ids = [...composed('sip:a@b', [one, one]).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  t.is(new Set(ids).size, 2000)
  t.deepEqual(ids.slice(0, 3), ['a', 'a.2', 'a.3'])
})

test('long texts and many parts: each is looked at once, and told as it is', (t) => {
  const long = 'a'.repeat(300_000)
  const remark = `<!--${'<contact '.repeat(40_000)}-->`
  const tuple = `<tuple id="t"><status/>${remark}<contact>sip:a@c</contact></tuple>`
  const one = read(document(`${tuple}<note>${long}</note>`))
  const text = composed('sip:a@b', [one, read(document(tuple))])
  t.is(text.split(tuple).length, 2, 'the older of the same contact is left out')
  t.true(text.includes(`<note>${long}</note>`))
  const notes = (count: number, text: string): string => `<note>${text}</note>`.repeat(count)
  const before = childrenOf(read(document(`<tuple id="t"><status/></tuple>${notes(20_000, '')}`)))
  const now = childrenOf(read(document(`<tuple id="u"><status/></tuple>${notes(20_001, '')}`)))
  const patch = partialBody(now, before, 2)
  const operations = patch.slice(patch.indexOf('<p:remove'), patch.indexOf('</p:pidf-diff>'))
  t.is(
    operations,
    `<p:remove sel="*/tuple[@id='t']"/><p:add sel="*/*[1]" pos="before"><tuple id="u"><status/></tuple></p:add>` +
      '<p:add sel="*"><note></note></p:add>',
  )
})
