import test from 'ava'
import { LocalEntries } from '../../../../elements/ue/push/finding/entries.ts'
import { entriesFormOf, readEntries } from '../../../../elements/ue/push/finding/entries-file.ts'

const id = '0a17c5d2e8b9f604'

test('P21: the form of a file follows from its ending', (t) => {
  t.deepEqual(['a.csv', 'B.VCF', 'c.yaml', 'd'].map(entriesFormOf), ['csv', 'vcard', 'own', 'own'])
})

test('P21: entries of a file are found by each of their names, whatever separates its columns', (t) => {
  for (const separator of [',', ';', '\t']) {
    const rows = [
      ['name', 'number', 'application', 'content', 'uri'],
      ['"Bob ""B"" Miller"', '+4940111', '', '', `${id}@push.op-a.example`],
      ['Chat', '', 'org.example.chat', 'text/plain', ''],
    ]
    const entries = new LocalEntries('op-a.example', readEntries(rows.map((row) => row.join(separator)).join('\n'), 'csv'))
    t.is(entries.find({ name: 'bob "b" miller' })[0]?.uri, `sip:${id}@push.op-a.example`)
    t.is(entries.find({ alias: '+49 40 111' }).length, 1)
    t.is(entries.find({ id: `sip:${id}@push.op-a.example;user=push` })[0]?.name, 'Bob "B" Miller')
    t.is(entries.find({ application: 'chat' })[0]?.application, 'org.example.chat')
    t.is(entries.find({ content: 'text/plain' })[0]?.application, 'org.example.chat')
  }
})

test('what is wrong in a file is named with its entry', (t) => {
  const fault = (text: string, form: 'own' | 'csv' | 'vcard'): string => t.throws(() => readEntries(text, form))?.message ?? ''
  t.regex(fault('- { name: Bob }', 'own'), /^entry 1 has neither uri nor application; expected one/)
  t.regex(fault('- { uri: "sip:bob@op-a.example" }', 'own'), /^entry 1: sip:bob@op-a.example is no Push identifier/)
  t.regex(fault('entries: 5', 'own'), /^expected a list of entries/)
  t.regex(fault(`- { uri: "${id}@push.x", name: [1] }`, 'own'), /^entry 1, name is no text/)
  t.regex(fault('hello', 'vcard'), /./)
  t.regex(fault('', 'vcard'), /./)
})

test('vCards of any version: only those with a Push identifier', (t) => {
  const card = (version: string, ...lines: readonly string[]): string =>
    ['BEGIN:VCARD', `VERSION:${version}`, ...lines, 'END:VCARD', ''].join('\r\n')
  const text = [
    card('3.0', 'FN:Käthe\\, the one', 'N:x;y;;;', 'TEL;TYPE=CELL:+49 30 5', `IMPP:sip:${id}@push.op-a.example`),
    card('4.0', 'FN:No identifier', 'IMPP:sip:no@op-a.example'),
    card('4.0', 'FN:Marked', 'IMPP:xmpp:a@b', `X-PUSH:sip:${id}@op-a.example;user=push`, 'IMPP:sip:m@op-a.example'),
  ].join('')
  t.deepEqual(readEntries(text, 'vcard'), [
    { uri: `sip:${id}@push.op-a.example`, name: 'Käthe, the one', number: '+49 30 5' },
    { uri: `sip:${id}@op-a.example;user=push`, name: 'Marked', address: 'sip:m@op-a.example' },
  ])
})
