/** Whose a user's name is (SPEC §2.1, §3.5): the HSS says it of every SIP and tel URI, at any time. */
import test from 'ava'
import { createApplicationServer } from '../../../elements/application-server/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'
import { all, sip } from '../prose/scene.ts'

const application = 'chess'
const foreign = 'sip:bob@example.org'

async function scene() {
  const network = new ElementNetwork()
  const record = (id: string, aliases: readonly string[] = []) => ({ id, permissions: all, aliases })
  const hss = createHss('hss', {
    subscribers: [record('bob', [foreign, 'robert']), record('eve')],
    servers: [{ uri: 'as', application }],
  })
  await network.add(hss)
  const open = () => network.add(createApplicationServer('as', { application, open: true }))
  await open()
  const asks = (device: string, user: string) =>
    network.ask('as', 'MESSAGE', sip('as'), {
      asserted: sip(device),
      body: json('user-registration', { device: sip(device), user, application }),
    })
  const registers = async (device: string, user: string): Promise<number> => (await asks(device, user)).status
  const stored = async (): Promise<readonly (readonly [device: string, user: string])[]> => {
    const users: [string, string][] = []
    for await (const [, { value }] of network.store.scan('as/as/user/')) {
      const { device, user } = value as { device: string; user: string }
      users.push([device, user])
    }
    return users.sort(([a], [b]) => (a < b ? -1 : 1))
  }
  return { network, hss, open, record, asks, registers, stored }
}

test('nobody is called by an alias of another, of whatever domain', async (t) => {
  const { registers } = await scene()
  t.is(await registers('eve', foreign), 403)
  t.is(await registers('eve', 'SIP:bob@EXAMPLE.org'), 403)
  t.is(await registers('bob', foreign), 200)
  t.is(await registers('eve', 'sip:eve@example.org'), 200, 'what is nobody’s is free')
})

test('an alias that goes to another subscriber takes his name along', async (t) => {
  const { network, hss, record, registers, stored } = await scene()
  t.is(await registers('bob', sip('robert')), 200)
  t.is(await registers('eve', 'sip:eve@example.org'), 200)
  await hss.provision([
    { do: 'put', settings: record('bob', ['sip:eve@example.org']) },
    { do: 'put', settings: record('eve', ['robert']) },
  ])
  await network.clock.advance(100)
  t.deepEqual(await stored(), [
    [sip('bob'), sip('bob')],
    [sip('eve'), sip('eve')],
  ])
  t.is(await registers('eve', sip('robert')), 200)
  t.is(await registers('bob', sip('robert')), 403)
})

for (const [character, name] of [
  ['\u3164', 'U+3164'],
  ['\u2800', 'U+2800'],
  ['\u115f', 'U+115F'],
  ['\u034f', 'U+034F'],
  ['\ufe0f', 'U+FE0F'],
] as const)
  test(`no name has what nobody sees: ${name}`, async (t) => {
    const { registers } = await scene()
    t.is(await registers('eve', character), 400)
    t.is(await registers('eve', `msn:ki${character}ng`), 400)
    t.is(await registers('eve', `sip:king${encodeURIComponent(character)}@example.net`), 400, 'nor in escapes')
  })

test('a scheme is the same in capitals', async (t) => {
  const { registers } = await scene()
  t.is(await registers('bob', 'msn:king'), 200)
  t.is(await registers('eve', 'MSN:king'), 403)
  t.is(await registers('eve', 'msn:King'), 200)
})

test('who is removed is no user, whenever: while it is written, and while the server is away', async (t) => {
  const { network, hss, open, asks, registers, stored } = await scene()
  const write = network.store.write.bind(network.store)
  let removed = Promise.resolve(false)
  Object.assign(network.store, {
    write: async (writes: Parameters<typeof write>[0]) => {
      Object.assign(network.store, { write })
      removed = hss.remove(sip('eve'))
      await removed
      await network.clock.advance(100)
      return write(writes)
    },
  })
  const asked = await asks('eve', 'msn:eve')
  t.true(await removed)
  await network.clock.advance(200)
  t.is(asked.status, 403)
  t.deepEqual(await stored(), [])
  t.is(await registers('bob', 'msn:bob'), 200)
  await network.stop('as')
  await hss.remove(sip('bob'))
  await open()
  await network.clock.advance(5000)
  t.deepEqual(await stored(), [])
})
