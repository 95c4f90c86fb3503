/** Published documents: only sound ones, and only about whoever publishes them, reach a watcher (RFC 3903, RFC 3863). */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import { checkPidf } from '../../../elements/presence/pidf.ts'
import { H } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { countWrites } from '../../support/held-writes.ts'
import { sip } from '../prose/scene.ts'

const head = '<?xml version="1.0" encoding="UTF-8"?>\n'
const tuple = '<tuple id="t1"><status><basic>open</basic></status><note xml:lang="de">größer &amp; &#x41;</note></tuple>'
const document = (inner = tuple, entity = sip('bob'), before = head): string =>
  `${before}<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${entity}">${inner}</presence>`

async function presence() {
  const network = new ElementNetwork()
  await network.add(createPresence('presence', {}))
  const publish = (content: string | Uint8Array, user = 'bob', asserted: string = sip(user)) =>
    network.ask('presence', 'PUBLISH', sip(user), {
      asserted,
      event: 'presence',
      body: { type: 'application/pidf+xml', content },
    })
  const watch = async (user: string) =>
    (await network.ask('presence', 'SUBSCRIBE', sip(user), { asserted: sip('alice'), event: 'presence' })).subscription!
  return { network, publish, watch }
}

test('what bob publishes for himself is told verbatim', async (t) => {
  const { publish, watch } = await presence()
  const watcher = await watch('bob')
  t.is((await publish(document())).status, 200)
  t.is(String(watcher.bodies.at(-1)?.content), document())
  t.is((await publish(document(tuple, 'pres:bob@localhost'))).status, 200)
  t.is((await publish(document(tuple, 'sip:bob@127.0.0.1'))).status, 200)
})

test('a server that has stopped writes nothing more, and the next one ends what was published in time', async (t) => {
  const { network, watch } = await presence()
  const publish = (id: string, expires: number) =>
    network.ask('presence', 'PUBLISH', sip('bob'), {
      ...{ asserted: sip('bob'), event: 'presence', expires },
      body: { type: 'application/pidf+xml', content: document(tuple.replace('t1', id)) },
    })
  t.is((await publish('one', 600)).status, 200)
  t.is((await publish('two', 1200)).status, 200)
  const watcher = await watch('bob')
  const shown = (): string => String(watcher.bodies.at(-1)?.content)
  const written = countWrites(network.store, 'presence/')
  await network.stop('presence')
  await network.clock.advance(300_000)
  t.is(written.count, 0)
  await network.add(createPresence('presence', {}))
  t.true(shown().includes('one') && shown().includes('two'))
  await network.clock.advance(301_000)
  t.true(!shown().includes('one') && shown().includes('two'))
  await network.clock.advance(600_000)
  t.true(shown().includes('closed'))
  t.is(network.metric('presence', 'presentities'), 0)
  await network.stop('presence')
  await network.clock.advance(86_400_000)
  t.is(written.count, 0, 'what lapses says so in its record')
})

test('a PUBLISH that comes by two ways is one publication (RFC 3261 §8.2.2.2)', async (t) => {
  const { network } = await presence()
  const asking = {
    asserted: sip('bob'),
    event: 'presence',
    body: { type: 'application/pidf+xml', content: document() },
  }
  const publish = (branch: string) => network.ask('presence', 'PUBLISH', sip('bob'), asking, { callId: 'one', branch })
  t.deepEqual([(await publish('z9hG4bK-1')).status, (await publish('z9hG4bK-2')).status], [200, 482])
})

test('a document about somebody else is refused, and nobody sees it', async (t) => {
  const { publish, watch } = await presence()
  const watcher = await watch('bob')
  const bodiesBefore = watcher.bodies.length
  t.is((await publish(document(tuple, sip('alice')))).status, 403)
  t.is((await publish(document(tuple, sip('alice')), 'alice', sip('bob'))).status, 403)
  t.is((await publish(document(tuple, 'nobody'))).status, 400)
  t.is((await publish(document(tuple, ''))).status, 400)
  t.is(watcher.bodies.length, bodiesBefore)
})

test('the Warning says where a document is wrong, and what stands there', async (t) => {
  const { publish } = await presence()
  const warning = async (body: string): Promise<string | undefined> => (await publish(body)).warning
  t.is(await warning(document('\n<basic open>')), 'line 3: what begins with <basic open></presen is no well-formed tag')
  t.is(await warning(`<!DOCTYPE presence>${document()}`), 'a DOCTYPE is not taken')
})

test('what is no sound PIDF is 400 with a Warning', async (t) => {
  const { publish, watch } = await presence()
  const watcher = await watch('bob')
  const bodiesBefore = watcher.bodies.length
  const bad: (string | Uint8Array)[] = [
    '<pres',
    'open',
    head,
    document().slice(0, -1),
    `${document()}x`,
    `${document()}${document(tuple, sip('bob'), '')}`,
    `${head}<!DOCTYPE presence [<!ENTITY a "b">]>${document(tuple, sip('bob'), '')}`,
    `<!DOCTYPE presence>${document(tuple, sip('bob'), '')}`,
    document('&a;'),
    document('a & b'),
    document('<note>&#0;</note>'),
    document('<note>&#xd800;</note>'),
    document('<note>\u0001</note>'),
    document('<a></b>'),
    document('<a b=c/>'),
    document('<a b="1" b="2"/>'),
    document('<a b="<"/>'),
    document('<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>'),
    document('<dm:person/>'),
    document('<!-- a -- b -->'),
    document('<!-- a --->'),
    document('<!-- a'),
    document('<![CDATA[ a'),
    document('<?xml version="1.0"?>'),
    document('a ]]> b'),
    document('<tuple><status/></tuple>'),
    document('<tuple id="t1"/>'),
    document(tuple + tuple),
    document('<a>'.repeat(40) + '</a>'.repeat(40)),
    document().replace(' entity', ' x'),
    document().replace('urn:ietf:params:xml:ns:pidf', 'urn:other'),
    document().replace('UTF-8', 'UTF-16'),
    ` ${document()}`,
    Buffer.from(document(), 'latin1'),
  ]
  for (const content of bad) {
    const { status, warning } = await publish(content)
    t.is(status, 400, String(content))
    t.truthy(warning)
  }
  t.is(watcher.bodies.length, bodiesBefore)
})

test('sound documents of all kinds are taken', (t) => {
  const good = [
    document(''),
    `\uFEFF${document()}`,
    document(tuple, sip('bob'), ''),
    document(tuple, sip('bob'), "<?xml version='1.0' standalone='yes' ?>\r\n<!-- - -->\n<?app told?>"),
    document('<![CDATA[ <a> & ]]><!-- <b> --><?app a > b?>'),
    document('<dm:person xmlns:dm="urn:x" id="p"><dm:note dm:at=\'"\' at="2"/></dm:person >'),
    document(`<note>${'🦊'.repeat(500)}</note>`),
    document(`<!--${'x'.repeat(30_000)}-->`),
  ]
  for (const content of good) t.like(checkPidf(Buffer.from(content)), { entity: sip('bob'), fault: undefined }, content)
  const prefixed = `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" entity='sip:a&amp;b@x'><p:tuple id="1"><p:status/></p:tuple></p:presence>`
  t.like(checkPidf(Buffer.from(prefixed)), { entity: 'sip:a&b@x', fault: undefined })
})

test('a document that is too large is 413', async (t) => {
  const { publish } = await presence()
  t.is((await publish(document(`<note>${'ü'.repeat(20_000)}</note>`))).status, 413)
  // under another root each part takes along what it uses of its own
  const root = document('<p:x/>'.repeat(2000)).replace(' entity', ` xmlns:p="urn:${'x'.repeat(10_000)}" entity`)
  const { status, warning } = await publish(root)
  t.is(status, 413)
  t.regex(warning!, /namespaces at each part, has more than 32768 bytes/)
  t.is((await publish(root.replace('<p:x/>'.repeat(2000), '<p:x/><p:y/>'))).status, 200)
})

test('PUBLISH for another package, or for none, is 489', async (t) => {
  const network = new ElementNetwork()
  await network.add(createPresence('presence', {}), [{ name: 'all', line: 0, to: 'presence' }])
  for (const event of ['foo', undefined]) {
    const asking = { asserted: sip('bob'), ...(event === undefined ? {} : { event }) }
    const { status, response } = await network.ask('presence', 'PUBLISH', sip('bob'), asking)
    t.is(status, 489)
    t.is(response!.text(H['Allow-Events']), 'presence')
  }
})
