/** Connections of Push clients to a server process: one for both ways (P2), and one that breaks within a delivery (A9). */
import test, { type ExecutionContext } from 'ava'
import type { SipRequest } from '../../signalling/index.ts'
import { until } from '../support/patience.ts'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { PushPhone } from '../support/push-phone.ts'

let server: DefaultServer
const ids = {
  ...{ alice: '0a17c5d2e8b9f604', bob: '0b44d7f1369ea52c', carol: '0c58a2e9471db36f' },
  ...{ dave: '0d6e91b8c25f704a', eve: '0e73f4a61c8d29b5' },
}

test.before(async () => {
  server = await startDefaultServer()
})
test.after.always(() => server?.remove())

async function phone(t: ExecutionContext, user: keyof typeof ids, transport: 'tcp' | 'ws'): Promise<PushPhone> {
  const opened = await PushPhone.open({ transport, port: server[transport], user, id: ids[user] })
  t.teardown(() => opened.close())
  return opened
}
const connections = async (): Promise<number> => (await server.metrics()).get('connections') ?? Number.NaN
const keyOf = ({ callId, cseq, fromTag }: SipRequest): string => `${callId} ${cseq.number} ${fromTag}`
const bodies = (got: readonly SipRequest[]): readonly string[] => got.map(({ body }) => String(body))

for (const [transport, one, other] of [
  ['tcp', 'alice', 'bob'],
  ['ws', 'carol', 'dave'],
] as const)
  test.serial(
    `P2: ${transport}: REGISTER first, then a MESSAGE each way, all by one connection that the client has made`,
    async (t) => {
      await until('there are none', async () => (await connections()) === 0)
      const [sender, receiver] = [await phone(t, one, transport), await phone(t, other, transport)]
      t.is(await sender.push(receiver.uri, 'too early'), 403)
      t.deepEqual([await sender.register(), await receiver.register()], [200, 200])
      t.is(await sender.push(receiver.uri, 'there'), 200)
      t.is(await receiver.push(sender.uri, 'and back'), 200)
      t.deepEqual([bodies(receiver.got), bodies(sender.got)], [['there'], ['and back']])
      t.is(await connections(), 2, 'one each, as the server counts them')
      t.is(sender.calledBack + receiver.calledBack, 0, 'nobody connects to a Contact')
      receiver.drop()
      await until('the server knows', async () => (await connections()) === 1)
      t.is(await sender.push(receiver.uri, 'away'), 202, 'without it there is no way to him')
      t.is(sender.calledBack + receiver.calledBack, 0)
      await receiver.connect()
      t.is(await receiver.register(), 200)
      await until('he has it', () => receiver.got.length === 2)
      t.is(await connections(), 2)
    },
  )

test.serial(
  'A9: TCP is reset once the device has the MESSAGE, before its 200: it comes again by the same key, and once for who drops repeats',
  async (t) => {
    const [alice, eve] = [await phone(t, 'alice', 'tcp'), await phone(t, 'eve', 'tcp')]
    t.deepEqual([await alice.register(), await eve.register()], [200, 200])
    eve.answer = undefined
    const first = alice.push(eve.uri, 'one')
    await until('he has it', () => eve.got.length === 1)
    eve.drop()
    t.is(await first, 202)
    t.is(await alice.push(eve.uri, 'two'), 202)
    eve.answer = 200
    await eve.connect()
    t.is(await eve.register(), 200)
    await until('he has all', () => bodies(eve.got).includes('two'))
    t.is(await alice.push(eve.uri, 'three'), 200, 'behind all that waited')
    t.deepEqual(bodies(eve.got), ['one', 'one', 'two', 'three'])
    t.is(keyOf(eve.got[0]!), keyOf(eve.got[1]!))
    t.deepEqual(bodies([...new Map(eve.got.map((each) => [keyOf(each), each])).values()]), ['one', 'two', 'three'])
    t.is((await server.metrics()).get('push_copies_waiting'), 0)
  },
)
