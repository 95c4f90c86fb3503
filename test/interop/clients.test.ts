/** Clients that we have not written register, write, watch, publish and call through us, each with all others, over every transport. */
import test from 'ava'
import { type NodeProcess, startNode } from '../support/process.ts'
import { settled } from './peers/capture.ts'
import { linphonePeer } from './peers/linphone.ts'
import { netSipPeer } from './peers/netsip.ts'
import type { Peer } from './peers/peer.ts'
import type { Seat, Transport } from './peers/seat.ts'

/** What a client could do: be written to, watch presence, publish its own, watch who is near, call and be called. */
type Ability = 'receive' | 'watch' | 'publish' | 'near' | 'call'

interface Client {
  readonly name: string
  readonly transports: readonly Transport[]
  readonly start: (seat: Seat) => Promise<Peer>
  /** Why it cannot do the rest. */
  readonly cannot: { readonly [ability in Ability]?: string }
}

const clients: readonly Client[] = [
  { name: 'netsip', transports: ['udp', 'tcp', 'tls'], start: netSipPeer, cannot: {} },
  {
    name: 'linphone',
    transports: ['udp', 'tcp', 'tls'],
    start: linphonePeer,
    cannot: { near: 'it knows presence only' },
  },
]

interface Place {
  readonly client: Client
  readonly transport: Transport
  readonly user: string
}

/** Next to each other sit different clients on different transports. */
const places: readonly Place[] = [0, 1, 2].flatMap((turn) =>
  clients.flatMap((client, row) => {
    const transport = client.transports[(turn + row) % Math.max(3, client.transports.length)]
    return transport === undefined ? [] : [{ client, transport, user: `${client.name}-${transport}` }]
  }),
)

let node: NodeProcess
let peers: readonly Peer[]

function neighbours(ability: Ability): readonly (readonly [Peer, Peer])[] {
  const able = peers.filter((_, place) => places[place]!.client.cannot[ability] === undefined)
  return able.map((peer, place) => [peer, able[(place + 1) % able.length]!] as const)
}

test.before(async () => {
  const users = places.map(({ user }) => user)
  node = await startNode({ users, secure: true })
  const watchers = places.filter(({ client }) => client.cannot.watch === undefined).map(({ user }) => user)
  peers = await Promise.all(
    places.map(({ client, transport, user }) => {
      const watches = watchers[(watchers.indexOf(user) + 1) % watchers.length]!
      return client.start({ node, user, transport, watches, others: users.filter((other) => other !== user) })
    }),
  )
})
test.after.always(() => node.remove())

test.serial('the table says what they can do', (t) => {
  for (const [place, { client }] of places.entries()) {
    const { name, got, presence, near, phone } = peers[place]!
    const can = { receive: got, watch: presence, publish: presence?.publish, near, call: phone }
    for (const [ability, how] of Object.entries(can))
      t.is(how === undefined, client.cannot[ability as Ability] !== undefined, `${name}: ${ability}`)
  }
})

test.serial('everybody writes to everybody', async (t) => {
  const readers = peers.filter(({ got }) => got !== undefined)
  let pairs = 0
  const write = async (from: Peer): Promise<void> => {
    for (const to of readers) {
      if (from === to) continue
      const text = `${from.name} to ${to.name}: grüß dich, 近くに`
      await from.send(to.user, text)
      await to.got?.(text)
      pairs++
    }
  }
  await Promise.all(peers.map(write))
  t.is(pairs, peers.length * readers.length - readers.length)
})

test.serial('each sees that the next one is there', async (t) => {
  const pairs = neighbours('watch')
  await Promise.all(pairs.map(([watcher, watched]) => watcher.presence!.watch(watched.user)))
  await Promise.all(peers.map(({ presence }) => presence?.publish?.()))
  await Promise.all(pairs.map(([watcher, { user, presence }]) => presence?.publish && watcher.presence!.sees(user)))
  await Promise.all(pairs.map(([watcher, watched]) => watcher.presence!.unwatch?.(watched.user)))
  t.true(pairs.length > 0)
})

test.serial('each is told who is near', async (t) => {
  const able = peers.flatMap(({ near }) => near ?? [])
  await Promise.all(able.map((near) => near()))
  t.true(able.length > 0)
})

test.serial('each calls the next one, once to talk and once in vain', async (t) => {
  const pairs = neighbours('call')
  for (const [{ phone: caller, name }, { phone: callee, user, name: other }] of pairs) {
    if (caller === undefined || callee === undefined) continue
    t.log(`${name} calls ${other}`)
    await Promise.all([callee.called(), caller.call(user)])
    callee.answer()
    await Promise.all([caller.talking(), callee.talking()])
    caller.hangUp()
    await Promise.all([caller.over(), callee.over()])
    await Promise.all([callee.called(), caller.call(user)])
    caller.cancel()
    await Promise.all([caller.cancelled(), callee.cancelled()])
  }
  t.true(pairs.length > 0)
})

test.serial('they leave, and the capture has it all', async (t) => {
  await Promise.all(peers.map((peer) => peer.stop()))
  await settled(t, node)
})
