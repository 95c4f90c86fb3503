/** All forms of one subscriber are one (SPEC §2.1): in requests to him, in his own, and when he signs in. */
import test from 'ava'
import { createHss, type Hss } from '../../../../elements/hss/index.ts'
import { createPresence } from '../../../../elements/presence/index.ts'
import { createProxy } from '../../../../elements/proxy/index.ts'
import { createRegistration } from '../../../../elements/reg-event/index.ts'
import type { SubscriberSettings } from '../../../../elements/schemas/index.ts'
import type { Notification } from '../../../../signalling/index.ts'
import { type Agent, Lab } from '../../../support/lab.ts'

const all = { discoverable: true, discoverer: true }
const server = '<sip:10.0.0.1;lr>'
const subscribers: readonly SubscriberSettings[] = [
  { id: 'alice', password: 'alice-proxima', permissions: all, friends: ['bob'] },
  {
    id: 'bob',
    password: 'bob-proxima',
    permissions: all,
    friends: ['alice'],
    aliases: ['robert', 'tel:+1-555-0100', 'tel:0100;phone-context=+1-555', '192.0.2.7', '2001:db8::7'],
  },
  { id: 'tel:+1-555-0200', password: 'number', permissions: all },
  { id: '198.51.100.7', password: 'four', permissions: all },
  { id: '2001:DB8::9', password: 'six', permissions: all },
]
/** Each of them is bob. */
const bob = [
  'sip:bob@localhost',
  'sip:robert@localhost',
  'tel:+15550100',
  'tel:+1(555)0100',
  'sip:+15550100@localhost;user=phone',
  'sip:+1-555-0100@localhost;user=phone',
  'sip:+15550100@localhost',
  'tel:0100;phone-context=+1555',
  'sip:0100;phone-context=+1555@localhost;user=phone',
  'sip:192.0.2.7@localhost',
]

class Scene {
  readonly lab = new Lab()
  hss!: Hss
  async open(): Promise<this> {
    this.hss = createHss('hss', { subscribers, askers: ['proxy', 'presence', 'registration'] })
    const elements = [
      createProxy('proxy', {}),
      this.hss,
      createPresence('presence', { watchers: 'friends' }),
      createRegistration('registration', { askers: ['tel:+1-555-0200'] }),
    ]
    await this.lab.serve(['localhost'], elements)
    return this
  }
  register(agent: Agent, aor: string, user: string, password: string) {
    const headers = [['Contact', `<sip:device@${agent.host.domains[0]}:5060>`]] as const
    const credentials = { user, password }
    return this.lab.during(agent.host.send({ method: 'REGISTER', to: aor, from: aor, route: [server], headers, credentials }))
  }
  async message(from: Agent, to: string, as: string, credentials = { user: 'alice', password: 'alice-proxima' }) {
    const body = { type: 'text/plain', content: 'x' }
    return (await this.lab.during(from.host.send({ method: 'MESSAGE', to, from: as, route: [server], body, credentials }))).status
  }
  async subscribe(from: Agent, to: string, event: string, as = 'alice'): Promise<readonly Notification[]> {
    const notifications: Notification[] = []
    const credentials = { user: as, password: `${as}-proxima` }
    const listener = {
      notified: (notification: Notification) => void notifications.push(notification),
    }
    from.host.subscribe({ to, event, from: `sip:${as}@localhost`, asserted: '', route: [server], credentials }, listener)
    await this.lab.clock.advance(1000)
    return notifications
  }
}
const open = (): Promise<Scene> => new Scene().open()

test('a MESSAGE to any of his identifiers comes to where he is registered', async (t) => {
  const scene = await open()
  const [a, b] = [await scene.lab.agent('a'), await scene.lab.agent('b')]
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  t.is((await scene.register(b, 'sip:bob@localhost', 'bob', 'bob-proxima')).status, 200)
  for (const to of [...bob, 'sip:192.0.2.7', 'sip:[2001:db8::7]'])
    t.is(await scene.message(a, to, 'sip:alice@localhost'), 200, to)
  t.is(b.got.length, bob.length + 2)
  for (const address of ['sip:203.0.113.9', 'sip:[2001:db8::99]'])
    t.is(await scene.message(a, address, 'sip:alice@localhost'), 403, `no relay to ${address}`)
  t.is(await scene.message(a, 'sip:198.51.100.7', 'sip:alice@localhost'), 480, 'a subscriber who is away')
  for (const nobody of ['tel:0100', 'tel:0100;phone-context=+2', 'sip:0100@localhost;user=phone', 'tel:+15550101'])
    t.is(await scene.message(a, nobody, 'sip:alice@localhost'), 404, nobody)
  await scene.lab.stop()
})

test('under each of them he may register and send, and it is one registration', async (t) => {
  const scene = await open()
  const [a, b] = [await scene.lab.agent('a'), await scene.lab.agent('b')]
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  for (const aor of bob) {
    const answer = await scene.register(b, aor, 'bob', 'bob-proxima')
    t.is(answer.status, 200, aor)
    t.is(answer.texts('Contact').length, 1, aor)
    const credentials = { user: 'bob', password: 'bob-proxima' }
    t.is(await scene.message(b, 'sip:alice@localhost', aor, credentials), 200, aor)
    t.is(a.got.at(-1)!.request.text('P-Asserted-Identity'), '<sip:bob@localhost>')
  }
  t.is((await scene.register(b, 'tel:+15550200', 'bob', 'bob-proxima')).status, 403, 'of another')
  t.is(await scene.message(b, 'sip:alice@localhost', 'tel:+15550200', { user: 'bob', password: 'bob-proxima' }), 403)
  await scene.lab.stop()
})

test('his presence and his registration are the same by each of them', async (t) => {
  const scene = await open()
  const [a, b] = [await scene.lab.agent('a'), await scene.lab.agent('b')]
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  await scene.register(b, 'sip:bob@localhost', 'bob', 'bob-proxima')
  const document = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@localhost"><tuple id="a"><status><basic>open</basic></status></tuple></presence>`
  const published = await scene.lab.during(
    b.host.send({
      method: 'PUBLISH',
      to: 'sip:robert@localhost',
      from: 'sip:robert@localhost',
      route: [server],
      headers: [
        ['Event', 'presence'],
        ['Expires', '600'],
      ],
      body: { type: 'application/pidf+xml', content: document },
      credentials: { user: 'bob', password: 'bob-proxima' },
    }),
  )
  t.is(published.status, 200)
  for (const to of ['sip:bob@localhost', 'sip:robert@localhost', 'tel:+15550100', 'sip:+15550100@localhost;user=phone']) {
    const notifications = await scene.subscribe(a, to, 'presence')
    t.regex(notifications.at(-1)?.request.body.toString() ?? '', /<basic>open/, to)
    const own = await scene.subscribe(b, to, 'reg', 'bob')
    t.regex(own.at(-1)?.request.body.toString() ?? '', /aor="sip:bob@localhost"[\s\S]*device@/, to)
  }
  await scene.lab.stop()
})

test('who is a number or an address signs in by it, and is called by it', async (t) => {
  const scene = await open()
  const a = await scene.lab.agent('a')
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  for (const [password, user, aors] of [
    ['number', '+15550200', ['tel:+15550200', 'sip:+15550200@localhost;user=phone', 'sip:+15550200@localhost']],
    ['four', '198.51.100.7', ['sip:198.51.100.7', 'sip:198.51.100.7@localhost']],
    ['six', '2001:db8::9', ['sip:[2001:db8::9]', 'sip:2001%3Adb8%3A%3A9@localhost']],
  ] as const) {
    for (const aor of aors) {
      for (const name of [user, `${user}@localhost`]) {
        const device = await scene.lab.agent(`device-${password}`)
        const answer = await scene.register(device, aor, name, password)
        t.is(answer.status, 200, `${aor} as ${name}: ${answer.text('Warning')}`)
        t.is((await scene.register(device, aor, name, 'wrong')).status, 401, aor)
        t.is(await scene.message(device, 'sip:alice@localhost', aor, { user: name, password }), 200, aor)
        const before = device.got.length
        t.is(await scene.message(a, aor, 'sip:alice@localhost'), 200, `to ${aor}`)
        t.is(device.got.length, before + 1)
      }
    }
  }
  await scene.lab.stop()
})

test('a private identity, and aliases, are user names of digest', async (t) => {
  const scene = await open()
  const b = await scene.lab.agent('b')
  for (const user of ['bob', 'bob@localhost', 'robert', '+15550100', '192.0.2.7', '2001:db8::7'])
    t.is((await scene.register(b, 'sip:bob@localhost', user, 'bob-proxima')).status, 200, user)
  for (const user of ['alice', 'bob@elsewhere.example', 'nobody', '', '@', 'constructor', '__proto__'])
    t.is((await scene.register(b, 'sip:bob@localhost', user, 'bob-proxima')).status, 401, user)
  await scene.hss.set({ id: 'bob', password: 'another', permissions: all })
  t.is((await scene.register(b, 'sip:bob@localhost', 'bob@localhost', 'another')).status, 200)
  t.is((await scene.register(b, 'sip:bob@localhost', 'bob@localhost', 'bob-proxima')).status, 401)
  t.is((await scene.register(b, 'sip:robert@localhost', 'bob', 'another')).status, 403, 'no alias any more')
  await scene.lab.stop()
})

test('whom settings let watch every registration may be given by an alias', async (t) => {
  const scene = await open()
  const [a, b] = [await scene.lab.agent('a'), await scene.lab.agent('b')]
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  await scene.register(b, 'sip:bob@localhost', 'bob', 'bob-proxima')
  t.deepEqual(await scene.subscribe(a, 'sip:bob@localhost', 'reg'), [])
  await scene.hss.set({ ...subscribers[2]!, id: 'tel:+1-555-0201' })
  await scene.lab.during(scene.hss.remove('tel:+15550200'))
  await scene.lab.during(scene.hss.set({ id: 'alice', password: 'alice-proxima', permissions: all, aliases: ['tel:+15550200'] }))
  await scene.register(a, 'sip:alice@localhost', 'alice', 'alice-proxima')
  t.regex((await scene.subscribe(a, 'sip:bob@localhost', 'reg')).at(-1)?.request.body.toString() ?? '', /aor="sip:bob@localhost"/)
  await scene.lab.stop()
})
