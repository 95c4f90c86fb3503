/** Names that are nobody's, and names that look the same, wherever subscribers come from (SPEC §2.1). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import { deviceKey } from '../../../elements/shared/identifiers/devices.ts'
import { ElementNetwork } from '../../support/element-network.ts'

const permissions = { discoverable: true, discoverer: true }
const token = 'aB3_-'.repeat(5).slice(0, 22)
const composed = 'b\u00f6b'
const decomposed = 'bo\u0308b'

async function hssWith(settings: HssSettings) {
  const network = new ElementNetwork()
  const hss = createHss('hss', settings)
  await network.add(hss)
  const put = async (settings: object) => (await hss.provision([{ do: 'put', settings: { permissions, ...settings } }]))[0]!
  return { hss, put }
}

test('what elements allocate is no name and no alias of a subscriber', async (t) => {
  const { hss, put } = await hssWith({ views: ['near', 'around'] })
  for (const [user, what] of [
    [
      's-tmsi-0100000000',
      /'.*', which has the form of a temporary identifier of an MME; expected a name that no element allocates/,
    ],
    ['S-TMSI-01AB', /a temporary identifier of an MME/],
    ['p-tmsi-01abcdef', /a temporary identifier of an MME/],
    [`epuid-${token}`, /an EPUID/],
    [`aluid-${token}`, /an ALUID/],
    [`tg-${token}`, /a temporary GRUU/],
    ['near-bob', /a presence view of an application server/],
    ['Around-bob', /a presence view of an application server/],
    ['%6eear-bob', /a presence view of an application server/],
  ] as const) {
    t.regex((await put({ id: user })).fault?.text ?? '', what)
    t.regex((await put({ id: `sip:${user}@localhost` })).fault?.text ?? '', what)
    const { fault } = await put({ id: 'zoe', aliases: [`sip:${user}@localhost`] })
    t.like(fault, { kind: 'malformed', pointer: '/aliases/0' })
    t.notRegex(fault!.text, /\n/)
  }
  t.is(hss.size, 0)
  for (const id of ['nearby', 'epuid', 'epuid-short', 'tg-1', 's-tmsi', 'aroundabout', 'sip:near-bob@elsewhere.example'])
    t.is((await put({ id: `zoe-${id.length}`, aliases: [id] })).fault, undefined, id)
})

test('a file with such names is refused, with its line', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-names-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'plan.yaml')
  const lines = [
    'name: names',
    'domains: [sip.test]',
    'listen: [udp://127.0.0.1:5060]',
    'elements:',
    '  as: { role: application-server, application: org.example.x, view: around }',
    '  hss:',
    '    role: hss',
    '    subscribers:',
    '      - { id: around-bob, permissions: { discoverable: true, discoverer: true } }',
    '      - { id: alice, aliases: ["sip:s-tmsi-0100000000@sip.test"], permissions: { discoverable: true, discoverer: true } }',
    '      - { id: zoe, permissions: { discoverable: true, discoverer: true } }',
  ]
  writeFileSync(file, lines.join('\n'))
  const { faults = [] } = loadDialplan(file)
  t.deepEqual(
    faults.map(({ line, text }) => `${line}: ${text}`),
    [
      "9: id is 'around-bob', which has the form of a presence view of an application server",
      "10: aliases.0 is 'sip:s-tmsi-0100000000@sip.test', which has the form of a temporary identifier of an MME",
    ],
  )
})

test('an IPv4 address wrapped in IPv6 is that address', async (t) => {
  for (const text of [
    '192.0.2.9',
    '::ffff:192.0.2.9',
    '::ffff:c000:209',
    'sip:[::FFFF:192.0.2.9]',
    'sip:[::ffff:c000:0209]:5061',
  ])
    t.is(deviceKey(text, ['localhost']), 'sip:192.0.2.9')
  t.is(deviceKey('sip:bob@[::ffff:127.0.0.1]', ['localhost', '127.0.0.1']), 'sip:bob@localhost')
  t.is(deviceKey('sip:bob@[::ffff:192.0.2.9]', ['localhost']), 'sip:bob@192.0.2.9')
  t.is(deviceKey('::fffe:c000:209', ['localhost']), 'sip:[::fffe:c000:209]')
  const { hss, put } = await hssWith({})
  t.like(await put({ id: '192.0.2.9' }), { done: 'added' })
  t.like(await put({ id: '::ffff:192.0.2.9' }), { done: 'unchanged' })
  t.like((await put({ id: 'zoe', aliases: ['::ffff:c000:209'] })).fault, { kind: 'taken', pointer: '/aliases/0' })
  t.is(hss.size, 1)
})

test('a name whose characters are not composed is refused, and so is who would look like one that is stored', async (t) => {
  const { hss, put } = await hssWith({})
  t.like(await put({ id: composed }), { done: 'added' })
  for (const id of [decomposed, `sip:${decomposed}@localhost`, 'sip:bo%CC%88b@localhost']) {
    const { fault } = await put({ id })
    t.like(fault, { kind: 'malformed', pointer: '/id' })
    t.regex(fault!.text, /whose characters are not composed; expected the same in Unicode NFC$/)
    t.like((await put({ id: 'zoe', watchers: { block: [id] } })).fault, { pointer: '/watchers/block/0' })
  }
  t.like(await put({ id: 'zoe', friends: [`sip:${decomposed}@elsewhere.example`] }), { done: 'added' })
  t.is(hss.size, 2)
  const { put: putAgain } = await hssWith({ subscribers: [{ id: decomposed, permissions }] })
  t.like((await putAgain({ id: composed })).fault, { kind: 'taken', pointer: '/id' })
  t.like(await putAgain({ id: decomposed, permissions: { ...permissions, discoverer: false } }), { done: 'changed' })
})
