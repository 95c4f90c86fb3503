/** Location documents: latitude before longitude, each shape, and members of the address in their order. */
import test from 'ava'
import { locationDocument } from '../../../elements/gmlc/location-document.ts'
import { documents, names, shapes, times } from './documents.ts'

for (const [name, shape, element] of shapes)
  test(`a ${name}, with latitude first`, (t) => {
    const document = locationDocument(names, { ...times, shape })
    t.true(document.includes(element), document)
    t.true(document.includes('<gbp:retention-expiry>2026-11-22T11:00:00Z</gbp:retention-expiry>'))
    t.false(document.includes('confidence') || document.includes('gp:method') || document.includes('px:event'))
  })

test('members of the address come in the order of RFC 5139, escaped', (t) => {
  const [, document] = documents.find(([name]) => name === 'event')!
  t.regex(
    document,
    /<ca:country>DE<\/ca:country><ca:A1>Bayern<\/ca:A1><ca:A3>Neustadt &#60;West&#62; &#38; &#34;Ost&#34;<\/ca:A3>/,
  )
  t.regex(document, /<\/gp:geopriv><px:event>enter<\/px:event><px:state>inside<\/px:state><dm:deviceID>/)
})
