/** Rules of decisions (SPEC §5.6, P75): each that a Push server has is provoked here and told by `push why`, and each status of SPEC §5.2. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { acceptanceRules, type DecisionRule, otherRules, wakeRules } from '../../../elements/push/decisions.ts'
import type { PushSettings } from '../../../elements/push/index.ts'
import { dora, doraId, NextServer, servers } from './next-server.ts'
import { partnerId, partnerUri, policed } from './policed.ts'
import { PushScene } from './scene.ts'

const all: readonly DecisionRule[] = [
  ...acceptanceRules,
  ...acceptanceRules.map((rule) => `next-server-${rule}` as const),
  ...wakeRules.map((rule) => `wake-${rule}` as const),
  ...otherRules,
]
const day = 86_400 // seconds
const apps = {
  chat: { id: 'org.example.chat', types: ['text/plain'], maxBytes: 40, default: ['text/plain'] },
  revoked: { id: 'org.example.revoked', state: 'revoked' },
  slow: { id: 'org.example.slow', rate: { rate: 0.001, burst: 1 } },
} as const
const named = (id: string) => ({ lines: [`Push-Application: ${id}`] })
const imdn = (id: string): string =>
  `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${id}</message-id><display-notification><status><displayed/></status></display-notification></imdn>`
const receipt = { type: 'message/imdn+xml' }
const cpim = (from: string): string => `From: <sip:${from}@localhost>\r\n\r\nContent-Type: text/plain\r\n\r\nhello`
const asserting = (uri: string) => ({ asserted: false, lines: [`P-Asserted-Identity: <${uri}>`] })

/** Decisions with their statuses, as `push why` tells them about a name. */
async function whyOf(scene: PushScene, name = 'bob'): Promise<readonly string[]> {
  const found = await scene.lab.during(scene.server.why(name), 40_000)
  return (found?.decisions ?? []).map(({ rule, status }) => (status === undefined ? rule : `${status} ${rule}`))
}

/** A phone of bob that sleeps. */
async function asleep(settings: PushSettings = {}, answer?: number): Promise<PushScene> {
  const scene = await PushScene.open(settings)
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  phone.answer = undefined
  if (answer !== undefined) scene.pushService.answerWith({ status: answer })
  return scene
}
/** The next server answers so. */
async function relayed(status: number, settings: PushSettings = {}): Promise<PushScene> {
  const scene = await PushScene.open({ relay: 'store', servers, ...settings })
  const next = new NextServer()
  next.status = status
  scene.others.push(next)
  await scene.restart()
  await scene.hss.set(dora)
  return scene
}

/** One action at a server with those settings, and what is told of that name. */
function on(
  settings: PushSettings,
  act: (scene: PushScene) => Promise<unknown>,
  name?: string,
): () => Promise<readonly string[]> {
  return async () => {
    const scene = await PushScene.open(settings)
    await act(scene)
    return whyOf(scene, name)
  }
}

/** What is told, in that order or among others, and how it comes to that. */
const cases: readonly (readonly [rules: readonly string[], provoke: () => Promise<readonly string[]>])[] = [
  [
    ['202 stored', '202 repeat', '503 store-share', '200 delivered', '200 taken', '488 device', '202 stored', 'set-aside'],
    async () => {
      const scene = await PushScene.open({ store: { ofSource: 2, tries: 2 } })
      const phone = await scene.phone()
      for (const text of ['1', '1']) await scene.push(text, { callId: 'first', cseq: 1 })
      for (const text of ['2', '3']) await scene.push(text)
      await scene.register(phone)
      await scene.pass(5)
      await scene.push('now')
      for (const status of [488, 500]) {
        phone.answer = status
        await scene.push('no')
      }
      await scene.pass(30)
      return whyOf(scene)
    },
  ],
  [
    ['202 stored', 'expired', '202 stored', 'replaced', '202 stored', '480 offline', '403 blocked'],
    async () => {
      const scene = await PushScene.open()
      await scene.push('brief', { lines: ['Expires: 60'] })
      await scene.pass(61)
      for (const text of ['old', 'new']) await scene.push(text, { lines: ['Push-Topic: t'] })
      await scene.push('now or never', { lines: ['Expires: 0'] })
      const watchers = { block: ['sip:alice@localhost'] }
      const bob = { id: 'bob', permissions: dora.permissions, push: [{ id: '0a17c5d2e8b9f604' }], watchers }
      await scene.lab.during(scene.hss.set(bob), 2000)
      await scene.push('blocked')
      return whyOf(scene)
    },
  ],
  ...(['480 store-full', '503 server-full'] as const).map(
    (rule) =>
      [
        ['202 stored', rule],
        async () => {
          const scene = await PushScene.open({ store: rule === '480 store-full' ? { forUser: 1 } : { inAll: 1 } })
          for (const text of ['1', '2']) await scene.push(text)
          return whyOf(scene)
        },
      ] as const,
  ),
  [
    ['403 application', '403 application-revoked', '415 media-type', '413 size', '403 anonymous', '202 stored', '503 rate'],
    async () => {
      const scene = await PushScene.open({ applications: Object.values(apps) })
      await scene.push('x', named('org.example.nobody'))
      await scene.push('x', named(apps.revoked.id))
      await scene.push('x', { ...named(apps.chat.id), type: 'image/png' })
      await scene.push('x'.repeat(50), named(apps.chat.id))
      await scene.push('x', { ...named(apps.chat.id), asserted: false })
      for (let time = 0; time < 2; time++) await scene.push('x', named(apps.slow.id))
      return whyOf(scene)
    },
  ],
  [
    ['403 source', '403 source-expired', '403 peer', '415 content-encoding', '400 receipt-malformed', '403 receipt'],
    async () => {
      const scene = await PushScene.open({ peers: [{ domains: ['op-b.example'], flags: ['01'], vouches: [] }] })
      await scene.push(cpim('carol'), { type: 'message/cpim' })
      await scene.push('x', asserting('sip:0e90c5d2e8b9f604@push.localhost;user=push'))
      const theirs = 'sip:8e90c5d2e8b9f604@push.op-b.example;user=push'
      await scene.push('x', { ...asserting(theirs), from: theirs })
      const lines = ['Content-Encoding: gzip']
      await scene.push(gzipSync('x').toString('latin1'), { type: 'message/cpim', bodyAs: 'latin1', lines })
      await scene.push(imdn(''), receipt)
      await scene.push(imdn('nobodys'), receipt)
      return whyOf(scene)
    },
  ],
  [
    ['503 receipt-rate'],
    async () => {
      const scene = await PushScene.open()
      for (let time = 0; time < 250; time++) await scene.push(imdn('nobodys'), receipt, 0.005)
      return whyOf(scene)
    },
  ],
  [['404 unknown'], on({}, (scene) => scene.push('x', { user: '0c17c5d2e8b9f604' }), '0c17c5d2e8b9f604')],
  [
    ['503 guesses'],
    async () => {
      const scene = await PushScene.open()
      for (let time = 0; time < 22; time++) await scene.push('x', { user: '0c17c5d2e8b9f604' }, 0.1)
      return whyOf(scene, '0c17c5d2e8b9f604')
    },
  ],
  [
    ['404 no-identifier'],
    on({}, (scene) => scene.push('x', { uri: 'sip:eve@localhost', lines: ['Route: <sip:push@localhost;lr>'] }), 'eve'),
  ],
  [
    ['404 host'],
    async () => {
      const scene = await PushScene.open()
      const uri = 'sip:0c17c5d2e8b9f604@push.elsewhere.example;user=push'
      await scene.push('x', { uri, lines: ['Route: <sip:push@localhost;lr>'] })
      return whyOf(scene, '0c17c5d2e8b9f604')
    },
  ],
  ...(
    [
      ['404 flag-bits', {}],
      ['503 no-table', { routes: 'sip:pushroutes@localhost' }],
    ] as const
  ).map(
    ([rule, settings]) =>
      [
        [rule],
        async () => {
          const scene = await PushScene.open(settings)
          await scene.hss.set(dora)
          await scene.push('x', { user: doraId })
          return whyOf(scene, 'dora')
        },
      ] as const,
  ),
  [
    ['485 ambiguous'],
    async () => {
      const entry = (id: string) => ({ uri: `sip:${id}@push.localhost;user=push`, name: 'Miller' })
      const scene = await PushScene.open({}, [entry('0a17c5d2e8b9f604'), entry('0b90c5d2e8b9f604')])
      await scene.push('x', { user: 'Miller' })
      return whyOf(scene, 'Miller')
    },
  ],
  [['503 directory'], on({ addressbook: 'sip:nobody@192.0.2.9' }, (scene) => scene.push('x', { user: 'Miller' }, 40), 'Miller')],
  [['503 hss'], on({ hss: 'sip:nobody@192.0.2.9' }, (scene) => scene.push('x', {}, 60), '0a17c5d2e8b9f604')],
  [
    ['500 fault'],
    async () => {
      const scene = await PushScene.open()
      scene.failing = true
      await scene.push('x')
      return whyOf(scene)
    },
  ],
  [
    ['handed-over', '200 next-server', 'handed-over', '513 next-server', 'handed-over', '483 hops', '482 loop'],
    async () => {
      const scene = await relayed(200, { relay: 'refuse' })
      await scene.push('x', { user: doraId })
      const [next] = scene.others as [NextServer]
      next.status = 513
      await scene.push('x', { user: doraId })
      await scene.push('x', { user: doraId, maxForwards: 0 })
      await scene.push('x', { user: doraId, lines: ['Route: <sip:push@localhost;lr;handed>'] })
      return whyOf(scene, 'dora')
    },
  ],
  [
    ['200 next-server-taken'],
    async () => {
      const scene = await relayed(200)
      await scene.push('x', { user: doraId })
      return whyOf(scene, 'dora')
    },
  ],
  [
    ['202 next-server-stored', '202 next-server-repeat', '480 next-server-offline', '503 next-server-store-share'],
    async () => {
      const scene = await relayed(503, { store: { ofSource: 1 } })
      for (let time = 0; time < 2; time++) await scene.push('x', { user: doraId, callId: 'same', cseq: 1 }, 20)
      await scene.push('x', { user: doraId, lines: ['Expires: 0'] }, 20)
      await scene.push('x', { user: doraId }, 20)
      return whyOf(scene, 'dora')
    },
  ],
  ...(['480 next-server-store-full', '503 next-server-server-full', '403 next-server-device'] as const).map(
    (rule) =>
      [
        [rule],
        async () => {
          const store = rule.endsWith('-store-full') ? { forUser: 1 } : { inAll: 1 }
          const scene = await relayed(rule.startsWith('403') ? 403 : 503, { store })
          for (let time = 0; time < 2; time++) await scene.push('x', { user: doraId }, 20)
          return whyOf(scene, 'dora')
        },
      ] as const,
  ),
  [['503 pcrf'], on({ pcrf: 'sip:nobody@192.0.2.9' }, (scene) => scene.push('x', {}, 20))],
  [
    ['403 policy', '403 next-server-policy', '503 next-server-pcrf'],
    async () => {
      const noted: string[] = []
      for (const otherwise of ['deny', undefined] as const) {
        const scene = await policed(otherwise)
        for (const uri of [undefined, partnerUri]) await scene.push('x', { uri, lines: ['Route: <sip:push@localhost;lr>'] }, 20)
        noted.push(...(await whyOf(scene)), ...(await whyOf(scene, partnerId)))
      }
      return noted
    },
  ],
  [['call'], on({}, (scene) => scene.call())],
  [
    ['withdrawn'],
    async () => {
      const scene = await PushScene.open({ applications: [{ id: 'org.example.app', push: '0a90c5d2e8b9f604' }] })
      const { applications, submissions } = scene.server
      const application = applications.get('org.example.app')!
      const parts = { application, to: 'bob', title: undefined, headers: [], type: 'text/plain', content: Buffer.from('x') }
      const outcome = await scene.lab.during(submissions.send(parts), 3000)
      if ('id' in outcome) await submissions.withdraw(outcome.id, application.id)
      return whyOf(scene)
    },
  ],
  [
    ['403 roaming'],
    on({}, async (scene) => scene.register(await scene.phone(), { lines: ['P-Visited-Network-ID: "push.op-z.example"'] })),
  ],
  [
    ['wake-non-urgent', 'wake-sent', 'wake-interval', 'wake-expired'],
    async () => {
      const scene = await asleep()
      await scene.push('calm', { lines: ['Priority: non-urgent'] })
      for (const text of ['1', '2']) await scene.push(text, {}, 0.1)
      await scene.pass(day * 2)
      await scene.push('late')
      return whyOf(scene)
    },
  ],
  [
    ['wake-failed', 'wake-back-off'],
    async () => {
      const scene = await asleep({}, 500)
      await scene.push('1')
      await scene.pass(31)
      await scene.push('2', {}, 15)
      return whyOf(scene)
    },
  ],
  ...(
    [
      ['wake-throttled', 429],
      ['wake-refused', 400],
    ] as const
  ).map(
    ([rule, status]) =>
      [
        [rule],
        async () => {
          const scene = await asleep({}, status)
          await scene.push('1')
          return whyOf(scene)
        },
      ] as const,
  ),
  [
    ['wake-gone', 'wake-no-prid'],
    async () => {
      const scene = await asleep({}, 410)
      await scene.push('1')
      await scene.pass(day * 2)
      await scene.push('2')
      return whyOf(scene)
    },
  ],
  [
    ['wake-under-way'],
    async () => {
      const scene = await asleep()
      scene.pushService.send = () => new Promise(() => undefined)
      for (const text of ['1', '2']) await scene.push(text)
      return whyOf(scene)
    },
  ],
  [
    ['wake-provider-pause'],
    async () => {
      const scene = await asleep({}, 500)
      for (let index = 0; index < 5; index++) {
        const phone = await scene.phone()
        const waking = `;pn-provider=webpush;pn-prid=${encodeURIComponent(scene.pushService.endpoint(`device-${index}`))}`
        await scene.register(phone, { expires: day, waking, instance: `00000000-0000-1000-8000-00000000000${index}` })
        phone.answer = undefined
      }
      await scene.push('1')
      return whyOf(scene)
    },
  ],
]

const seen = Promise.all(cases.map(async ([rules, provoke]) => [rules, await provoke()] as const))

for (const [index, [rules]] of cases.entries())
  test(`P75: push why tells ${rules.join(', ')}`, async (t) => {
    const found = (await seen)[index]![1]
    for (const rule of new Set(rules))
      t.true(
        found.filter((one) => one === rule).length >= rules.filter((one) => one === rule).length,
        `${rule} is not among ${found.join(', ')}`,
      )
  })

test('P75: there is no rule that push why does not tell in one of these', async (t) => {
  const rules = new Set((await seen).flatMap(([, found]) => found.map((one) => one.replace(/^\d+ /, ''))))
  t.deepEqual(
    all.filter((rule) => !rules.has(rule)),
    [],
  )
})

test('P75: each status of SPEC §5.2, and each of its tokens, is told with a rule', async (t) => {
  const spec = readFileSync(new URL('../../../SPEC.md', import.meta.url), 'utf8')
  const rows = spec
    .split('### §5.2')[1]!
    .split('### §5.3')[0]!
    .match(/^\| \d{3}.*$/gm)!
  const statuses = rows.flatMap((row) => row.split('|')[1]!.match(/\d{3}/g)!)
  const tokens = rows.flatMap((row) => [...row.matchAll(/\(`([\w-]+)`\)/g)].map(([, token]) => token!))
  t.true(statuses.length >= 12 && tokens.length >= 8)
  const found = (await seen).flatMap(([, found]) => found)
  t.deepEqual(
    statuses.filter((status) => !found.some((line) => line.startsWith(`${status} `))),
    [],
  )
  t.deepEqual(
    tokens.filter((token) => !found.some((line) => line.endsWith(` ${token}`))),
    [],
  )
})
