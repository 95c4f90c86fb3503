/** Operators that find each other by DNS and know each other by certificate (RFC 3263, RFC 5922; SPEC §2.2), on real sockets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { stringify } from 'yaml'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { a, naptr, openNameServer, srv } from '../support/name-server.ts'
import { program, proxima, Running } from '../support/process.ts'
import { ProcessStage } from './peers/stage.ts'

interface Place {
  readonly udp: number
  readonly tcp: number
  readonly ws: number
  readonly tls: number
}

const operators = ['north', 'south'] as const
type Name = (typeof operators)[number]

test('a MESSAGE and presence cross by TLS; who shows no certificate of the peer’s domain is a stranger', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-tls-peers-'))
  const running: Running[] = []
  const places = { north: await placeOf(), south: await placeOf() }
  const names = await openNameServer((question) => {
    const name = operators.find((each) => question.endsWith(`${each}.example`))
    if (name === undefined) return 'missing'
    if (question === `NAPTR ${name}.example`) return [naptr(10, 10, 's', 'SIPS+D2T', `_sips._tcp.${name}.example`)]
    if (question === `SRV _sips._tcp.${name}.example`) return [srv(10, 10, places[name].tls, `sbc.${name}.example`)]
    return question === `A sbc.${name}.example` ? [a('127.0.0.1')] : []
  })
  t.teardown(async () => {
    names.close()
    for (const each of running) await each.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  t.is((await proxima('cert', '--authority', '--out', folder)).code, 0)
  for (const name of operators)
    t.is((await proxima('cert', `${name}.example`, '--out', join(folder, name), '--signed-by', folder)).code, 0)
  const start = async (name: Name, peer: Name): Promise<void> => {
    const { udp, tls: secure } = places[name]
    const user = name === 'north' ? 'alice' : 'bob'
    const friend = name === 'north' ? 'sip:bob@south.example' : 'sip:alice@north.example'
    const permissions = { discoverable: false, discoverer: false }
    const file = join(folder, `${name}.yaml`)
    writeFileSync(
      file,
      stringify({
        name,
        domains: [`${name}.example`],
        listen: [`udp://127.0.0.1:${udp}`, `tls://127.0.0.1:${secure}`],
        tls: { certificate: join(name, 'certificate.pem'), key: join(name, 'key.pem'), authorities: 'authority.pem' },
        data: 'memory',
        dns: { servers: [names.address] },
        peers: { [`${peer}.example`]: {} },
        elements: {
          proxy: { role: 'proxy' },
          hss: { role: 'hss', subscribers: [{ id: user, password: `${user}-proxima`, permissions, friends: [friend] }] },
          presence: { role: 'presence', watchers: 'friends' },
        },
      }),
    )
    const node = new Running(process.execPath, [program, 'start', file, '--log-level', 'info'], { cwd: folder })
    running.push(node)
    await node.said(/^ready/m)
  }
  await start('north', 'south')
  await start('south', 'north')
  const edgeOf = (domain?: string): Place => (domain === 'south.example' ? places.south : places.north)
  const stage = new ProcessStage({ edgeOf }, 'UDP')
  const [alice, bob] = [await stage.ue('alice@north.example'), await stage.ue('bob@south.example')]
  const got: string[] = []
  for (const { agent } of [alice, bob]) agent.onMessage(({ from }) => got.push(from))
  const hello = { type: 'text/plain', content: 'hello '.repeat(400) } // more than a datagram is for
  t.is((await alice.agent.message('sip:bob@south.example', hello)).status, 200)
  t.is((await bob.agent.message('sip:alice@north.example', hello)).status, 200)
  t.deepEqual(got, ['sip:alice@north.example', 'sip:bob@south.example'])
  const states: string[] = []
  let ended: number | undefined
  const watching = alice.agent.subscribe(
    { to: 'sip:bob@south.example', event: 'presence', accept: ['application/pidf+xml'], expires: 600 },
    {
      notified: ({ state }) => states.push(state),
      ended: (status) => {
        ended = status
      },
    },
  )
  await stage.until('alice is told of bob', () => states.join() === 'active')
  watching.refresh()
  await stage.until('and again', () => states.length > 1)
  watching.unsubscribe()
  await stage.until('she unsubscribes', () => ended === 200)
  const stranger = await stage.stranger('alice@north.example', 'south.example')
  t.is((await stranger.message('sip:bob@south.example', { type: 'text/plain', content: 'x' })).status, 407)
  await stage.leave()
})

async function placeOf(): Promise<Place> {
  const udp = await lastingPort()
  return { udp, tcp: udp, ws: udp, tls: await lastingPort() }
}
