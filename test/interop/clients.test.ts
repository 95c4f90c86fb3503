/** Clients that we have not written register, write, watch, publish and call through us, each with all others, over every transport. */
import test, { registerCompletionHandler } from 'ava'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { baresipPeer } from './peers/baresip.ts'
import { settled } from './peers/capture.ts'
import { chromiumJsSipPeer, chromiumSipJsPeer } from './peers/chromium.ts'
import { linphonePeer } from './peers/linphone.ts'
import { netSipPeer } from './peers/netsip.ts'
import type { Peer } from './peers/peer.ts'
import type { Seat, Transport } from './peers/seat.ts'
import { sippPeer } from './peers/sipp.ts'
import { sipsakPeer } from './peers/sipsak.ts'
import { sofiaPeer } from './peers/sofia.ts'
import { twinklePeer } from './peers/twinkle.ts'
import { jsSipPeer, sipJsPeer } from './peers/web.ts'

/** What a client could do: be written to, watch presence, publish its own, watch who is near, call and be called. */
type Ability = 'receive' | 'watch' | 'publish' | 'near' | 'call'

interface Client {
  readonly name: string
  readonly transports: readonly Transport[]
  readonly start: (seat: Seat) => Promise<Peer>
  /** Why it cannot do the rest. */
  readonly cannot: { readonly [ability in Ability]?: string }
  /** Who does not understand its messages, or it not theirs, and why. */
  readonly apart?: { readonly [client: string]: string }
}

const clients: readonly Client[] = [
  { name: 'netsip', transports: ['udp', 'tcp', 'tls'], start: netSipPeer, cannot: {} },
  {
    name: 'linphone',
    transports: ['udp', 'tcp', 'tls'],
    start: linphonePeer,
    cannot: { near: 'it knows presence only' },
  },
  {
    name: 'twinkle',
    transports: ['udp', 'tcp'],
    start: twinklePeer,
    cannot: { near: 'it knows presence only' },
    apart: { netsip: 'it drops what has a Cseq and no CSeq, see peers/twinkle.ts' },
  },
  {
    name: 'baresip',
    transports: ['tcp', 'tls', 'udp'],
    start: baresipPeer,
    cannot: { near: 'it knows presence only' },
  },
  { name: 'sofia', transports: ['tls', 'tcp', 'udp'], start: sofiaPeer, cannot: {} },
  {
    name: 'sipp',
    transports: ['udp', 'tcp'],
    start: sippPeer,
    cannot: {
      watch: 'our scenarios for it watch proximity, see flows-sipp.test.ts',
      publish: 'it has no document of its own',
      near: 'see flows-sipp.test.ts',
      call: 'our scenarios for it have no call',
    },
  },
  {
    name: 'sipsak',
    transports: ['udp'],
    start: sipsakPeer,
    cannot: {
      receive: 'its message modes crash, see peers/sipsak.ts',
      watch: 'it sends one request and takes one answer',
      publish: 'as watch',
      near: 'as watch',
      call: 'as watch',
    },
  },
  { name: 'sipjs', transports: ['ws', 'wss'], start: sipJsPeer, cannot: {} },
  { name: 'jssip', transports: ['wss', 'ws'], start: jsSipPeer, cannot: { publish: 'it knows no PUBLISH' } },
  { name: 'chromium-sipjs', transports: ['wss', 'ws'], start: chromiumSipJsPeer, cannot: {} },
  { name: 'chromium-jssip', transports: ['ws', 'wss'], start: chromiumJsSipPeer, cannot: { publish: 'it knows no PUBLISH' } },
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

let server: DefaultServer
let peers: readonly Peer[]

function neighbours(ability: Ability): readonly (readonly [Peer, Peer])[] {
  const able = peers.filter((_, place) => places[place]!.client.cannot[ability] === undefined)
  return able.map((peer, place) => [peer, able[(place + 1) % able.length]!] as const)
}

function understand(one: Peer, other: Peer): boolean {
  const [a, b] = [one, other].map((peer) => places[peers.indexOf(peer)]!.client) as [Client, Client]
  return a.apart?.[b.name] === undefined && b.apart?.[a.name] === undefined
}

/** Those who do not understand everybody, with one of each client that they do understand. */
function acquaintances(): readonly (readonly [Peer, Peer])[] {
  const callers = peers.filter(({ phone }) => phone !== undefined)
  return callers.flatMap((peer) => {
    const own = places[peers.indexOf(peer)]!.client
    if (own.apart === undefined) return []
    const others = clients
      .filter((client) => client !== own)
      .map((client) => callers.find((other) => places[peers.indexOf(other)]!.client === client && understand(peer, other)))
    return others.flatMap((other) => (other === undefined ? [] : [[peer, other] as const]))
  })
}

/** Whom a user watches: the next one of those who publish. */
function watchedBy(user: string, seen: readonly string[]): string {
  const later = places.slice(places.findIndex((place) => place.user === user) + 1).find((place) => seen.includes(place.user))
  return later?.user ?? seen.find((other) => other !== user)!
}

test.before(async () => {
  const users = places.map(({ user }) => user)
  server = await startDefaultServer({ users: [...users, 'sipp-udp-2', 'sipp-tcp-2'], friends: true, secure: true })
  const seen = places.filter(({ client }) => client.cannot.publish === undefined).map(({ user }) => user)
  peers = await Promise.all(
    places.map(({ client, transport, user }) => {
      const watches = watchedBy(user, seen)
      return client.start({ server, user, transport, watches, others: users.filter((other) => other !== user) })
    }),
  )
})
test.after.always(() => server?.remove())
registerCompletionHandler(() => process.exit()) // sip.js and JsSIP keep timers of 32 s

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
  let apart = 0
  const write = async (from: Peer): Promise<void> => {
    for (const to of readers) {
      if (from === to) continue
      if (!understand(from, to)) {
        apart++
        continue
      }
      const text = `${from.name} to ${to.name}: grüß dich, 近くに`
      await from.send(to.user, text)
      await to.got?.(text)
      pairs++
    }
  }
  await Promise.all(peers.map(write))
  t.is(pairs + apart, peers.length * readers.length - readers.length)
  t.is(apart, 12, 'Net::SIP in three places, twinkle in two, both ways')
})

test.serial('each sees that the next one is there', async (t) => {
  const seen = peers.filter(({ presence }) => presence?.publish !== undefined).map(({ user }) => user)
  const watchers = peers.flatMap(({ presence, user }) =>
    presence === undefined ? [] : { presence, whom: watchedBy(user, seen) },
  )
  await Promise.all(watchers.map(({ presence, whom }) => presence.watch(whom)))
  await Promise.all(peers.map(({ presence }) => presence?.publish?.()))
  await Promise.all(watchers.map(({ presence, whom }) => presence.sees(whom)))
  await Promise.all(watchers.map(({ presence, whom }) => presence.unwatch?.(whom)))
  t.true(watchers.length > 0)
})

test.serial('each is told who is near', async (t) => {
  const able = peers.flatMap(({ near }) => near ?? [])
  await Promise.all(able.map((near) => near()))
  t.true(able.length > 0)
})

test.serial('each calls the next one, once to talk and once in vain, and twinkle all that it understands', async (t) => {
  // backwards: each calls before it is called, see peers/twinkle.ts
  const pairs = [...acquaintances(), ...neighbours('call').toReversed()]
  t.true(pairs.every(([one, other]) => understand(one, other)))
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
  // softphones first: the others answer what these say last
  await Promise.all(peers.filter(({ presence }) => presence !== undefined).map((peer) => peer.stop()))
  await Promise.all(peers.filter(({ presence }) => presence === undefined).map((peer) => peer.stop()))
  await settled(t, server)
})
