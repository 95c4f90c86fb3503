/** A node whose disk fills up, or whose data folder is taken away: it refuses, says so by `/health`, and goes on when it can. */
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { UdpHand } from '../hostile/stand.ts'
import { until } from '../support/patience.ts'
import { startServer, writeDialplan } from '../support/server-process.ts'
import { failingDisk, fill, smallDisk } from '../support/small-disk.ts'

const elements = '  proxy: { role: proxy, authenticate: none, registration: optional }\n  presence: { role: presence }\n'
const document = (note: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@sip.test"><tuple id="t"><status><basic>open</basic></status><note>${note}</note></tuple></presence>`

for (const durability of ['process', 'power'] as const)
  test.serial(`${durability}: 500 while nothing can be stored, 200 again afterwards, one process throughout`, async (t) => {
    const disk = smallDisk(4)
    if (typeof disk === 'string') {
      t.log(`not tried: ${disk}`)
      return t.pass()
    }
    t.teardown(() => disk.remove())
    const port = await lastingPort()
    const plan = writeDialplan(disk.folder, port, elements)
    const server = await startServer(plan, port, ['--durability', durability, '--http', '127.0.0.1:0'])
    t.teardown(() => server.end('SIGKILL'))
    const http = /http:\/\/127\.0\.0\.1:\d+/.exec(server.output())![0]
    const health = async () => (await (await fetch(`${http}/health`)).json()) as { status: string; store?: string }
    const hand = await UdpHand.open({ udp: port })
    t.teardown(() => hand.close())
    const to = 'sip:bob@sip.test'
    const lines = ['Event: presence', 'Content-Type: application/pidf+xml']
    const publish = async (note: string): Promise<number> =>
      (await hand.ask('PUBLISH', to, { from: to, lines, body: document(note) })).status
    const seen = async (): Promise<string> => {
      hand.forget()
      const watching = ['Event: presence', 'Expires: 0', `Contact: <sip:x@127.0.0.1:${hand.port}>`]
      await hand.ask('SUBSCRIBE', to, { from: 'sip:carol@sip.test', lines: watching })
      await hand.until(() => hand.requests.length > 0)
      return hand.requests[0]!.body.toString()
    }
    hand.answer(200)

    t.is(await publish('first'), 200)
    t.is((await health()).status, 'ok')
    const ballast = join(disk.folder, 'ballast')
    fill(ballast)
    let refused = 0
    for (let n = 0; refused < 5; n++) if ((await publish(`note ${n} ${'x'.repeat(3000)}`)) === 500) refused++
    t.regex((await health()).store ?? '', /its disk is full: make room/)
    t.is((await health()).status, 'failing')
    rmSync(ballast)
    t.is(await publish('room again'), 200)
    t.regex(await seen(), /room again/)
    t.is((await health()).status, 'ok')

    const data = join(disk.folder, 'data')
    renameSync(data, join(disk.folder, 'taken'))
    await until('the folder is missed', async () => (await health()).status === 'failing')
    t.is(await publish('nowhere'), 500)
    t.notRegex(await seen(), /nowhere/)
    renameSync(join(disk.folder, 'taken'), data)
    await until('it is there again', async () => (await publish('back')) === 200)
    t.is((await health()).status, 'ok')
    t.is(await server.end('SIGTERM'), 0, server.output())
  })

test.serial('power: a disk that fails within a write and is well again costs answers, and no start anew', async (t) => {
  const disk = failingDisk()
  if (typeof disk === 'string') {
    t.log(`not tried: ${disk}`)
    return t.pass()
  }
  t.teardown(() => disk.remove())
  const port = await lastingPort()
  const plan = writeDialplan(disk.folder, port, elements)
  const server = await startServer(plan, port, ['--durability', 'power', '--http', '127.0.0.1:0'])
  t.teardown(() => server.end('SIGKILL'))
  const http = /http:\/\/127\.0\.0\.1:\d+/.exec(server.output())![0]
  const health = async () => (await (await fetch(`${http}/health`)).json()) as { status: string; store?: string }
  const hand = await UdpHand.open({ udp: port })
  t.teardown(() => hand.close())
  const publish = async (user: string): Promise<number> => {
    const to = `sip:${user}@sip.test`
    const lines = ['Event: presence', 'Content-Type: application/pidf+xml']
    const body = document('x'.repeat(3000)).replace('sip:bob', `sip:${user}`)
    return (await hand.ask('PUBLISH', to, { from: to, lines, body })).status
  }
  hand.answer(200)
  t.is(await publish('bob'), 200)
  for (let round = 0; round < 2; round++) {
    disk.fail()
    let n = 0
    while ((await publish(`u${round}-${n}`)) !== 500) n++
    t.is((await health()).status, 'failing')
    disk.heal()
    await publish('bob') // its commit finds what the disk owes, and LMDB takes no more
    await until('it stores again', async () => (await publish('bob')) === 200)
    t.is((await health()).status, 'ok')
    t.notRegex(server.output(), /MDB_/)
  }
  t.is(await server.end('SIGTERM'), 0, server.output())
})
