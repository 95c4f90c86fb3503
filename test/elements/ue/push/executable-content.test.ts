import test from 'ava'
import { applicationId } from '../../../../elements/ue/push/application-id.ts'
import { isExecutable } from '../../../../elements/ue/push/executable-content.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const png = bytes('\x89PNG\r\n\x1a\n')

test('A17: types that run something are executable, whatever is in them', (t) => {
  const types = [
    ...['application/x-desktop', 'application/x-shellscript', 'text/x-shellscript', 'application/java-archive', 'text/html'],
    ...['application/xhtml+xml', 'image/svg+xml', 'application/x-msdownload', 'application/javascript', 'text/x-python'],
  ]
  for (const type of types) for (const each of [type, type.toUpperCase()]) t.true(isExecutable(each, png), each)
})

test('A17: content that runs is executable, whatever its type says', (t) => {
  const contents = [
    ...[
      '[Desktop Entry]\nExec=rm',
      '\n# a comment\n[Desktop Entry]\n',
      '#!/bin/sh\nrm',
      '\x7fELF\x02',
      'MZ\x90',
      'PK\x03\x04\x14',
    ],
    ...[
      '<html>',
      ' <!DOCTYPE html><p>',
      '<?xml version="1.0"?>\n<!-- x --><svg onload="">',
      '\xef\xbb\xbf<script>',
      '\xca\xfe\xba\xbe',
    ],
  ]
  for (const content of contents)
    for (const type of ['text/plain', 'image/png', 'application/octet-stream'])
      t.true(isExecutable(type, bytes(content)), content)
})

test('pictures, texts and documents are not', (t) => {
  t.false(isExecutable('image/png', png))
  t.false(isExecutable('text/plain', bytes('hello <b> # [Desktop Entry] #!')))
  t.false(isExecutable('application/pdf', bytes('%PDF-1.7')))
  t.false(isExecutable('application/vnd.oasis.opendocument.text', bytes('PK\x03\x04')))
  t.true(isExecutable('application/zip', bytes('PK\x03\x04')), 'a jar file is one, too')
})

test('A17: what is no application identifier starts nothing', (t) => {
  for (const text of [
    '../../evil',
    '; rm',
    'a/../b',
    '/etc/passwd',
    '-n',
    'a b',
    'a..b',
    '',
    'x'.repeat(129),
    'kind:',
    'kind:../x',
  ])
    t.is(applicationId(text), undefined, text)
  t.deepEqual(applicationId('org.gnome.eog'), { form: 'name', name: 'org.gnome.eog' })
  t.deepEqual(applicationId('kind:image.viewer'), { form: 'kind', kind: 'image.viewer' })
  t.deepEqual(applicationId('Image/PNG'), { form: 'type', type: 'image/png' })
})
