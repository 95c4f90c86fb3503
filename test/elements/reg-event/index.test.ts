/** The `reg` event package (RFC 3680): who may watch a registration, and what is told of it. */
import test, { type ExecutionContext } from 'ava'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import type { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { Agent } from '../../support/lab.ts'
import { metric, type Wire } from '../../support/wire.ts'
import { answering, contactOf, RegistrarScene } from '../proxy/registrar-scene.ts'

const lines = ['Event: reg', 'Accept: application/reginfo+xml']

function open(elements: () => readonly Agent[] = () => []): Promise<RegistrarScene> {
  return RegistrarScene.open({ expires: { min: 10 } }, () => [
    createRegistration('registration', { askers: ['watcher'] }),
    ...elements(),
  ])
}
function subscribe(
  scene: RegistrarScene,
  wire: Wire,
  user: string,
  parts: { from?: string; lines?: readonly string[]; callId?: string } = {},
): Promise<SipResponse> {
  answering(wire)
  return scene.ask(wire, 'SUBSCRIBE', `sip:${user}@localhost`, {
    from: `sip:${user}@localhost`,
    callId: `watch-${user}`,
    contact: `<sip:${user}@${wire.here.host}>`,
    lines,
    ...parts,
  })
}
/** The documents that came, without line breaks. */
function documentsOf(wire: Wire): readonly string[] {
  return wire.requests.filter(isNotify).map((request) => request.body.toString().replace(/\n\s*/g, ''))
}
function isNotify({ method }: SipRequest): boolean {
  return method === 'NOTIFY'
}
/** What the last document says of its contacts: `uri state event`. */
function contacts(document: string | undefined): readonly string[] {
  const pattern = /<contact id="[^"]*" state="(\w+)" event="(\w+)"[^>]*><uri>([^<]*)</g
  return [...(document ?? '').matchAll(pattern)].map(([, state, event, uri]) => `${uri} ${state} ${event}`)
}
function heads(t: ExecutionContext, document: string | undefined): string {
  const match = /version="(\d+)" state="(\w+)"><registration aor="([^"]*)" id="[^"]+" state="(\w+)"/.exec(document ?? '')
  t.truthy(match, document)
  return match!.slice(1).join(' ')
}

test('first everything, then what has changed, numbered without a gap', async (t) => {
  const scene = await open()
  const [wire, phone] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2')]
  await scene.register(phone, 'bob', '<sip:old@10.0.5.2>')
  t.is((await subscribe(scene, wire, 'bob')).status, 200)
  t.is(wire.requests[0]!.text('Content-Type'), 'application/reginfo+xml')
  await scene.register(phone, 'bob', '<sip:new@10.0.5.2>;expires=600')
  await scene.register(phone, 'bob', '<sip:new@10.0.5.2>;expires=700')
  await scene.register(phone, 'bob', '<sip:new@10.0.5.2>;expires=60')
  await scene.register(phone, 'bob', '<sip:old@10.0.5.2>;expires=0')
  await scene.lab.clock.advance(60_000)
  const documents = documentsOf(wire)
  t.deepEqual(
    documents.map((document) => [heads(t, document), ...contacts(document)]),
    [
      ['0 full sip:bob@localhost active', 'sip:old@10.0.5.2 active registered'],
      ['1 partial sip:bob@localhost active', 'sip:new@10.0.5.2 active created'],
      ['2 partial sip:bob@localhost active', 'sip:new@10.0.5.2 active refreshed'],
      ['3 partial sip:bob@localhost active', 'sip:new@10.0.5.2 active shortened'],
      ['4 partial sip:bob@localhost active', 'sip:old@10.0.5.2 terminated unregistered'],
      ['5 partial sip:bob@localhost terminated', 'sip:new@10.0.5.2 terminated expired'],
    ],
  )
  t.regex(documents[3]!, /expires="60" callid="reg-10.0.5.2" cseq="\d+" q="1"/)
  t.is(new Set(documents.slice(1, 4).map((document) => /<contact id="([^"]+)"/.exec(document)![1])).size, 1)
})

test('a user of whom nothing is known: init; Contact: * ends all at once', async (t) => {
  const scene = await open()
  const [wire, phone] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2')]
  await subscribe(scene, wire, 'bob')
  t.is(heads(t, documentsOf(wire)[0]), '0 full sip:bob@localhost init')
  await scene.register(phone, 'bob', ['<sip:a@10.0.5.2>', '<sip:b@10.0.5.2>'])
  await scene.register(phone, 'bob', '*', { lines: ['Expires: 0'] })
  const last = documentsOf(wire).at(-1)
  t.regex(heads(t, last), /partial sip:bob@localhost terminated$/)
  t.deepEqual(contacts(last), ['sip:a@10.0.5.2 terminated unregistered', 'sip:b@10.0.5.2 terminated unregistered'])
})

test('only the user, and who is named for it, may watch; others learn nothing', async (t) => {
  const watcher = new Agent('watcher')
  const stranger = new Agent('stranger')
  const scene = await open(() => [watcher, stranger])
  const [wire, phone] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.8.1')]
  await scene.register(wire, 'bob', '<sip:bob@10.0.5.1>')
  const answers: string[] = []
  for (const user of ['bob', 'nobody', 'king']) {
    const refused = await subscribe(scene, wire, user, { from: 'sip:eve@localhost', callId: `eve-${user}` })
    answers.push(`${refused.status} ${refused.text('Warning')}`)
  }
  t.deepEqual(
    new Set(answers),
    new Set(['403 399 registration "you may watch your own registration only; expected your own address"']),
  )
  t.is((await subscribe(scene, phone, 'bob')).status, 200, 'a trusted peer')
  const got: string[] = []
  for (const agent of [watcher, stranger])
    agent.host.subscribe(
      { to: 'sip:bob@localhost', event: 'reg' },
      {
        notified: ({ request }) => got.push(`${agent.name} ${contacts(request.body.toString().replace(/\n\s*/g, ''))}`),
        ended: ({ status }) => got.push(`${agent.name} ${status}`),
      },
    )
  await scene.lab.clock.advance(1000)
  t.deepEqual(got.sort(), ['stranger 403', 'watcher sip:bob@10.0.5.1 active registered'])
})

test('a restart: full state again, and what changes from then on', async (t) => {
  const scene = await open()
  const [wire, phone] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2')]
  await scene.register(phone, 'bob', '<sip:bob@10.0.5.2>;expires=600')
  await subscribe(scene, wire, 'bob')
  await scene.restart()
  await scene.lab.clock.advance(1000)
  const [first, again] = documentsOf(wire)
  t.is(heads(t, first), '0 full sip:bob@localhost active')
  t.regex(heads(t, again), /^\d+ full sip:bob@localhost active$/)
  await scene.register(phone, 'bob', '<sip:bob@10.0.5.2>;expires=0')
  t.deepEqual(contacts(documentsOf(wire)[2]), ['sip:bob@10.0.5.2 terminated unregistered'])
})

test('nothing is kept for whom nobody watches', async (t) => {
  const scene = await open()
  const wire = await scene.wire('10.0.5.1')
  const fetched = ['Expires: 0', ...lines]
  t.is((await subscribe(scene, wire, 'bob', { lines: fetched })).status, 200)
  t.is(documentsOf(wire).length, 1)
  t.is(metric(scene.lab.nodes[0]!, 'registration_registrations_watched'), 0)
  await subscribe(scene, wire, 'bob', { callId: 'standing', lines: ['Expires: 60', ...lines] })
  t.is(metric(scene.lab.nodes[0]!, 'registration_registrations_watched'), 1)
  await scene.lab.clock.advance(61_000)
  t.is(metric(scene.lab.nodes[0]!, 'registration_registrations_watched'), 0)
  const other = await subscribe(scene, wire, 'bob', { callId: 'odd', lines: ['Event: reg', 'Accept: text/plain'] })
  t.is(other.status, 406)
  t.is(metric(scene.lab.nodes[0]!, 'registration_registrations_watched'), 0)
})

test('instances, GRUUs and odd characters stand in the document as they should', async (t) => {
  const scene = await open()
  const [wire, phone] = [await scene.wire('10.0.5.1'), await scene.wire('10.0.5.2')]
  await scene.register(phone, 'bob', `${contactOf('sip:bob@10.0.5.2', 1, 1)};audio;x="<&>"`, { lines: ['Supported: gruu'] })
  await scene.register(phone, 'bob', '<sip:a&b@10.0.5.2>', { callId: 'a<&">b' })
  await subscribe(scene, wire, 'bob')
  const [document = ''] = documentsOf(wire)
  const urn = 'urn:uuid:00000001-0000-4000-8000-000000000000'
  t.true(document.includes(`<unknown-param name="+sip.instance">&#34;&#60;${urn}&#62;&#34;</unknown-param>`))
  t.true(document.includes('<unknown-param name="reg-id">1</unknown-param><unknown-param name="audio"></unknown-param>'))
  t.true(document.includes('<unknown-param name="x">&#34;&#60;&#38;&#62;&#34;</unknown-param>'))
  t.true(document.includes(`<gr:pub-gruu uri="sip:bob@localhost;gr=${urn}"/>`))
  t.true(document.includes('callid="a&#60;&#38;&#34;&#62;b"'))
  t.true(document.includes('<uri>sip:a&#38;b@10.0.5.2</uri>'))
  t.is([...document.matchAll(/<contact /g)].length, 2)
})

test('a user called by an address watches himself by it, as another node of ours writes it', async (t) => {
  const network = new ElementNetwork()
  await network.add(createRegistration('registration', {}), [{ name: 'all', line: 0, to: 'registration' }])
  for (const [own, written] of [
    ['sip:192.0.2.5', 'sip:192.0.2.5@localhost'],
    ['sip:[2001:db8::9]', `sip:${encodeURIComponent('2001:db8::9')}@localhost`],
  ] as const) {
    for (const to of [own, written]) {
      const asked = await network.ask('registration', 'SUBSCRIBE', to, { asserted: own, event: 'reg' })
      t.deepEqual([asked.status, /aor="([^"]*)"/.exec(String(asked.subscription?.bodies[0]?.content))?.[1]], [200, own], to)
    }
    const other = await network.ask('registration', 'SUBSCRIBE', written, { asserted: 'sip:192.0.2.6', event: 'reg' })
    t.is(other.status, 403)
  }
})
