/** One document out of several: everything that was published is in it, word by word, and it is sound. */
import test from 'ava'
import fc from 'fast-check'
import { composed } from '../../../elements/presence/composition.ts'
import { checkPidf, type Pidf } from '../../../elements/presence/pidf.ts'

const bob = 'sip:bob@localhost'
function read(text: string): Pidf {
  const checked = checkPidf(Buffer.from(text))
  if (checked.fault !== undefined) throw new Error(`${checked.fault}: ${text}`)
  return checked
}
const document = (inner: string, root = 'xmlns="urn:ietf:params:xml:ns:pidf"', prefix = ''): string =>
  `<?xml version="1.0"?>\n<${prefix}presence ${root} entity="${bob}">${inner}</${prefix}presence>`

test('tuples first, the newest before the others, then notes, then the rest; one identifier each', (t) => {
  const desk = document(
    '<tuple id="t1"><status><basic>open</basic></status><contact>sip:bob@desk</contact></tuple><note>at the desk</note>' +
      '<dm:person xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" id="p1"><dm:note>well</dm:note></dm:person>',
  )
  const phone = document("<tuple id='t1'><status><basic>closed</basic></status></tuple><note>out</note>")
  const merged = composed(bob, [read(phone), read(desk)])
  const { parts, entity } = read(merged)
  t.is(entity, bob)
  t.deepEqual(
    parts.map(({ meaning, id }) => [meaning.split(' ')[1], id]),
    [
      ['tuple', 't1'],
      ['tuple', 't1.2'],
      ['note', undefined],
      ['note', undefined],
      ['person', 'p1'],
    ],
  )
  t.true(merged.includes("<tuple id='t1'><status><basic>closed</basic></status></tuple>"))
  t.true(merged.includes('<contact>sip:bob@desk</contact>'))
  t.true(merged.indexOf('out') < merged.indexOf('at the desk'))
})

test('prefixes of an old root go along, whatever they are', (t) => {
  const prefixed = document(
    '<p:tuple id="a"><p:status><p:basic>open</p:basic><r:mood>fine &gt; well</r:mood></p:status></p:tuple><plain/>',
    'xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:r&amp;s"',
    'p:',
  )
  const other = document(
    '<tuple id="a" xmlns:r="urn:own"><status><r:mood a=">"/></status></tuple>',
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:else"',
  )
  const { parts } = read(composed(bob, [read(prefixed), read(other)]))
  t.deepEqual(
    parts.map(({ meaning }) => meaning),
    ['urn:ietf:params:xml:ns:pidf tuple', 'urn:ietf:params:xml:ns:pidf tuple', ' plain'],
  )
  t.true(parts[0]!.source.includes('xmlns:r="urn:r&#38;s"'))
  t.true(parts[1]!.source.includes('xmlns:r="urn:own"'))
  t.false(parts[1]!.source.includes('urn:else'))
})

test('whatever is sound stays sound, and nothing is lost', (t) => {
  const name = fc.constantFrom('a', 'b', 'x:a', 'note', 'tuple')
  const attributes = fc.constantFrom('', ' id="1"', " id='2' k='>'", ' xmlns:x="urn:y"', ' xmlns="urn:z"', ' xmlns=""', ' k="/>"')
  const element: fc.Arbitrary<string> = fc.letrec<{ element: string }>((tie) => ({
    element: fc
      .tuple(
        name,
        attributes,
        fc.array(fc.oneof({ depthSize: 'small' }, fc.constantFrom('x', '&#62;', '<!-- > -->'), tie('element')), { maxLength: 3 }),
      )
      .map(([tag, written, inner]) =>
        inner.length === 0 ? `<${tag}${written}/>` : `<${tag}${written}>${inner.join('')}</${tag}>`,
      ),
  })).element
  const roots = fc.constantFrom(
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x"',
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:q"',
  )
  const whole = fc.tuple(fc.array(element, { maxLength: 4 }), roots).map(([inner, root]) => document(inner.join(''), root))
  let sound = 0
  fc.assert(
    fc.property(fc.array(whole, { minLength: 1, maxLength: 4 }), (texts) => {
      const documents = texts.map((text) => checkPidf(Buffer.from(text)))
      if (documents.some(({ fault }) => fault !== undefined)) return
      sound++
      const parts = documents.flatMap((each) => (each as Pidf).parts)
      const again = read(composed(bob, documents as Pidf[]))
      t.deepEqual(again.parts.map(({ meaning }) => meaning).sort(), parts.map(({ meaning }) => meaning).sort())
      const ids = again.parts.flatMap(({ id }) => id ?? [])
      t.is(new Set(ids).size, ids.length)
    }),
    { numRuns: 300 },
  )
  t.true(sound > 50)
})
