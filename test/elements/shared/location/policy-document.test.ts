/** Rule sets in XML: each part of them, what is not known, and documents that are none (L18). */
import test from 'ava'
import { faultOf } from '../../../../elements/schemas/index.ts'
import { readPolicy } from '../../../../elements/shared/location/policy-document.ts'
import { privacyRulesOf } from '../../../../elements/shared/location/privacy-profile.ts'
import { type PrivacyRule, permissionOf } from '../../../../elements/shared/location/privacy-rules.ts'

const head = `<?xml version="1.0" encoding="UTF-8"?>
<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:gp="urn:ietf:params:xml:ns:geolocation-policy"
  xmlns:lp="urn:ietf:params:xml:ns:basic-location-profiles" xmlns:gml="http://www.opengis.net/gml"
  xmlns:gs="http://www.opengis.net/pidflo/1.0" xmlns:px="urn:proxima:privacy">`

interface RuleParts {
  readonly conditions?: string
  readonly actions?: string
  readonly transformations?: string
}

function policy(...rules: readonly RuleParts[]): Buffer {
  const written = rules.map(
    ({ actions = '<px:location mode="allow"/>', conditions = '', transformations = '' }, i) =>
      `<rule id="r${i}"><conditions>${conditions}</conditions><actions>${actions}</actions><transformations>${transformations}</transformations></rule>`,
  )
  return Buffer.from(`${head}${written.join('')}</ruleset>`)
}

function read(parts: RuleParts): unknown {
  const rules = readPolicy(policy(parts))
  if ('fault' in rules) return rules.fault
  if (rules[0] === undefined) return undefined
  const { id, ...rule } = rules[0]
  return faultOf('privacy-profile', { rules }) ?? (rule.mode === 'allow' ? { ...rule, mode: undefined } : rule)
}

const circle = (pos: string): string =>
  `<gp:location-condition><gp:location profile="geodetic-condition"><gs:Circle srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>${pos}</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">800</gs:radius></gs:Circle></gp:location></gp:location-condition>`
const validity = (times: string): string => `<validity>${times}</validity>`
const interval = '<from>2026-11-23T08:00:00Z</from><until>2026-11-23T17:00:00Z</until>'

const cases: readonly (readonly [what: string, parts: RuleParts, expected: object | string | undefined])[] = [
  [
    'one',
    { conditions: '<identity><one id="sip:a@b"/><one id="sip:c@d"/></identity>' },
    { who: { one: ['sip:a@b', 'sip:c@d'] } },
  ],
  [
    'many of a domain',
    { conditions: '<identity><many domain="home.example"><except id="sip:eve@home.example"/></many></identity>' },
    { who: { domain: ['home.example'], except: ['sip:eve@home.example'] } },
  ],
  ['many', { conditions: '<identity><many/></identity>' }, { who: { except: [] } }],
  ['nobody', { conditions: '<identity/>' }, { who: { one: [] } }],
  ['validity', { conditions: validity(interval) }, { from: '2026-11-23T08:00:00Z', until: '2026-11-23T17:00:00Z' }],
  ['clients', { conditions: '<px:client id="fleet"/><px:client id="maps"/>' }, { client: ['fleet', 'maps'] }],
  ['codeword', { conditions: '<px:codeword>Apfel &amp; Baum</px:codeword>' }, { codeword: 'Apfel & Baum' }],
  [
    'weekly',
    { conditions: '<px:weekly days="sat  sun" hours="08:00-22:00" zone="Europe/Berlin"/>' },
    { weekly: { days: ['sat', 'sun'], hours: '08:00-22:00', zone: 'Europe/Berlin' } },
  ],
  [
    'a place: latitude first',
    { conditions: circle('-33.86 151.21') },
    { in: { type: 'Point', coordinates: [151.21, -33.86], radius: 800 } },
  ],
  [
    'a place with spaces',
    { conditions: circle('\n -33.86\t151.21 ') },
    { in: { type: 'Point', coordinates: [151.21, -33.86], radius: 800 } },
  ],
  ['a place with a comma', { conditions: circle('-33,86 151,21') }, "'-33,86 151,21' is no list of positions"],
  [
    'mode and service',
    { actions: '<px:location mode="ask-deny" service="map"/><px:events/>' },
    { mode: 'ask-deny', service: ['map'], events: true },
  ],
  [
    'two services',
    { actions: '<px:location mode="allow" service="a"/><px:location mode="allow" service="b"/>' },
    { service: ['a', 'b'] },
  ],
  [
    'two modes',
    { actions: '<px:location mode="allow"/><px:location mode="notify"/>' },
    'rule r0 has several modes; expected a rule for each',
  ],
  ['no actions: RFC 6772 grants', { actions: '' }, {}],
  ['exact', { transformations: '<gp:provide-location/>' }, { precision: 'exact' }],
  [
    'coarse and civic',
    {
      transformations:
        '<gp:provide-location profile="geodetic-transformation"><lp:provide-geo radius="1000"/></gp:provide-location><gp:provide-location profile="civic-transformation"><lp:provide-civic>building</lp:provide-civic></gp:provide-location>',
    },
    { precision: 1000, civic: 'city' },
  ],
  ['another transformation', { transformations: '<gp:set-note-well>x</gp:set-note-well>' }, {}],
  ['a condition that is not known takes the rule away', { conditions: '<sphere value="home"/>' }, undefined],
  [
    'so does a place by its address',
    { conditions: '<gp:location-condition><gp:location profile="civic-condition"/></gp:location-condition>' },
    undefined,
  ],
  ['and two intervals', { conditions: validity(interval + interval) }, undefined],
  [
    'a mode that is none',
    { actions: '<px:location mode="king"/>' },
    '/rules/0/mode must be one of allow, notify, ask-allow, ask-deny',
  ],
]
for (const [what, parts, expected] of cases)
  test(`a rule in XML: ${what}`, (t) => {
    const got = read(parts)
    t.deepEqual(got, typeof expected === 'object' && !('mode' in expected) ? { ...expected, mode: undefined } : expected)
  })

const faults: readonly (readonly [what: string, body: string | Buffer, fault: RegExp])[] = [
  ['a DOCTYPE', '<!DOCTYPE r [<!ENTITY a "b">]><ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>', /DOCTYPE is not taken/],
  ['an entity', '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy">&lol;</ruleset>', /undefined entity/],
  ['depth 100,000', `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy">${'<a>'.repeat(20_000)}`, /more than 64 deep/],
  ['size', `<ruleset>${' '.repeat(70_000)}</ruleset>`, /expected 65536 at most/],
  ['another namespace', '<ruleset xmlns="urn:other"/>', /the root is ruleset; expected ruleset of urn:ietf/],
  ['no namespace prefix', '<x:ruleset/>', /unbound namespace prefix/],
  ['an end that is missing', '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy">', /unclosed tag/],
  ['nothing', '', /root element|no element/],
  ['UTF-16', Buffer.from('\ufeff<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>', 'utf16le'), /not UTF-8/],
  [
    'a claim to be UTF-16',
    '<?xml version="1.0" encoding="UTF-16"?><ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>',
    /says that it is UTF-16/,
  ],
]
for (const [what, body, fault] of faults)
  test(`L18: ${what} is refused`, (t) => {
    const got = readPolicy(Buffer.from(body))
    t.regex('fault' in got ? got.fault : 'taken', fault)
  })

test('a profile is judged by as it is written', (t) => {
  const document = policy({
    conditions: `<identity><many domain="home.example"/></identity><px:codeword> Apfelbaum </px:codeword>${circle('52.505 13.278')}`,
    transformations: '<gp:provide-location/>',
  })
  const rules = readPolicy(document)
  if ('fault' in rules) return t.fail(rules.fault)
  const made = privacyRulesOf(rules, (codeword) => ({ k1: `sealed ${codeword}` }))
  if ('pointer' in made) return t.fail(made.text)
  const question = {
    requestor: 'sip:bob@home.example',
    domain: 'home.example',
    client: 'c',
    codeword: { k1: 'sealed Apfelbaum' },
  }
  t.deepEqual(permissionOf(made as readonly PrivacyRule[], question, 0), { mode: 'allow', precision: 'exact' })
  t.is(permissionOf(made as readonly PrivacyRule[], question, 0, { latitude: 0, longitude: 0 }), undefined)
})

test('faults that a schema does not see are told with their place', (t) => {
  const of = (rule: object): unknown =>
    privacyRulesOf(
      [
        { id: 'a', mode: 'allow' },
        { id: 'b', mode: 'allow', ...rule },
      ],
      () => ({}),
    )
  t.like(of({ weekly: { days: ['mon'], hours: '08:00-08:00', zone: 'Europe/Berlin' } }), { pointer: '/rules/1/weekly/hours' })
  t.like(of({ weekly: { days: ['mon'], hours: '08:00-09:00', zone: 'Europe/Atlantis' } }), { pointer: '/rules/1/weekly/zone' })
  t.like(of({ in: { type: 'Point', coordinates: [0, 99], radius: 1 } }), { pointer: '/rules/1/in/coordinates' })
  t.like(of({ id: 'a' }), { pointer: '/rules/1/id' })
})
