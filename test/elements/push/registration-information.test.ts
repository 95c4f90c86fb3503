/** Reading of reginfo (RFC 3680): our own documents, those of others, and what is none. */
import test from 'ava'
import { readReginfo } from '../../../elements/push/registration-information.ts'

const read = (xml: string) => readReginfo(Buffer.from(xml))

test('contacts with their state, GRUU, instance and time', (t) => {
  const xml = `<?xml version="1.0"?><r:reginfo xmlns:r="urn:ietf:params:xml:ns:reginfo" version="3" state="full">
    <r:registration aor="sip:bob@op-b.example" id="a7" state="active">
      <r:contact id="76" state="active" event="registered" expires="7200" callid="c&#38;1" cseq="4">
        <r:uri>sip:bob@192.0.2.1;x=1&amp;2</r:uri>
        <unknown-param name="+sip.instance">"&lt;urn:uuid:f81d4fae&gt;"</unknown-param>
        <gr:pub-gruu uri="sip:bob@op-b.example;gr=urn:uuid:f81d4fae"/>
      </r:contact>
      <r:contact id="77" state="terminated" event="expired"><r:uri>sip:bob@192.0.2.2</r:uri></r:contact>
    </r:registration></r:reginfo>`
  t.deepEqual(read(xml), {
    isFull: true,
    contacts: [
      {
        gruu: 'sip:bob@op-b.example;gr=urn:uuid:f81d4fae',
        uri: 'sip:bob@192.0.2.1;x=1&2',
        isActive: true,
        instance: '<urn:uuid:f81d4fae>',
        expires: 7200,
        callId: 'c&1',
        cseq: 4,
      },
      {
        gruu: undefined,
        uri: 'sip:bob@192.0.2.2',
        isActive: false,
        instance: undefined,
        expires: undefined,
        callId: '',
        cseq: 0,
      },
    ],
  })
  t.false(read('<reginfo state="partial"></reginfo>')!.isFull)
})

test('what is no reginfo, too long, or has contacts without a URI', (t) => {
  t.is(read('<presence/>'), undefined)
  t.is(read(''), undefined)
  t.is(read(`<reginfo>${' '.repeat(70_000)}</reginfo>`), undefined)
  t.deepEqual(read('<reginfo><contact id="1" state="active"></contact></reginfo>')?.contacts, [])
  const many = '<contact><uri>sip:a@b</uri></contact>'.repeat(1000)
  t.is(read(`<reginfo>${many}</reginfo>`)?.contacts.length, 100)
})
