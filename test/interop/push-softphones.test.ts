/** Softphones that know nothing of Push: each sends and gets Pushes, by identifier and by name, and each with a repeat. */
import test, { registerCompletionHandler } from 'ava'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { baresipPeer } from './peers/baresip.ts'
import { settled } from './peers/capture.ts'
import { InjectingRelay } from './peers/injecting-relay.ts'
import { linphonePeer } from './peers/linphone.ts'
import type { Peer } from './peers/peer.ts'
import type { Seat } from './peers/seat.ts'
import { jsSipPeer, sipJsPeer } from './peers/web.ts'

interface Softphone {
  readonly user: string
  readonly id: string
  readonly transport: 'tcp' | 'ws'
  readonly start: (seat: Seat) => Promise<Peer>
}

const softphones: readonly Softphone[] = [
  { user: 'sipjs', id: '0a10c5d2e8b9f6a1', transport: 'ws', start: sipJsPeer },
  { user: 'jssip', id: '0a10c5d2e8b9f6a2', transport: 'ws', start: jsSipPeer },
  { user: 'baresip', id: '0a10c5d2e8b9f6a3', transport: 'tcp', start: baresipPeer },
  { user: 'linphone', id: '0a10c5d2e8b9f6a4', transport: 'tcp', start: linphonePeer },
]
/** Softphones that keep a list of what they have. All others show a repeat again; README.md of this folder tells when. */
const hasList: readonly string[] = ['linphone']

const byId = (id: string): string => `${id}@push.localhost`
const byName = (user: string): string => `${user}.x@push.localhost`
const everybody = softphones.map(({ user }) => user)
const names = softphones.flatMap(({ id, user }) => [byId(id), byName(user)])
let server: DefaultServer
let peers: readonly Peer[]

test.before(async () => {
  const subscriber = (user: string) => ({
    id: `sip:${user}@localhost`,
    password: `${user}-proxima`,
    permissions: { discoverable: false, discoverer: false },
    friends: [...everybody, ...everybody.map((other) => `${other}-again`)]
      .filter((other) => other !== user)
      .map((other) => `sip:${other}@localhost`),
  })
  const subscribers = softphones.flatMap(({ id, user }) => [
    { ...subscriber(user), push: [{ id, string: `${user}.x` }] },
    subscriber(`${user}-again`),
  ])
  server = await startDefaultServer({ settings: { hss: { subscribers } }, secure: true })
  peers = await Promise.all(softphones.map((softphone) => enter(softphone, server, [...everybody, ...names])))
})

function enter({ start, transport, user }: Softphone, at: DefaultServer, others: readonly string[]): Promise<Peer> {
  const watches = softphones.find((other) => other.user !== user)!.user
  return start({ server: at, user, transport, watches, others: others.filter((other) => other !== user) })
}

test.after.always(() => server?.remove())
registerCompletionHandler(() => process.exit()) // sip.js and JsSIP keep timers of 32 s

test.serial('P70: each sends to each other, by identifier and by name, with no special header', async (t) => {
  let count = 0
  const write = async (from: Peer): Promise<void> => {
    for (const [i, to] of peers.entries()) {
      const { id, user } = softphones[i]!
      if (from === to) continue
      for (const name of [byId(id), byName(user)]) {
        const text = `${from.user} to ${name}`
        await from.send(name, text)
        await to.got!(text)
        count++
      }
    }
  }
  await Promise.all(peers.map(write))
  t.is(count, 24)
})

for (const softphone of softphones) {
  const { transport, user } = softphone
  test.serial(
    `A10: a repeat to ${user}, by the same branch and by another, counts as delivered; how often it is shown`,
    async (t) => {
      const relay = await InjectingRelay.open(transport, server[transport])
      t.teardown(() => relay.close())
      const again = { ...softphone, user: `${user}-again` }
      const peer = await enter(again, { ...server, [transport]: relay.port }, everybody)
      const send = (text: string, branch: string): void => relay.inject(messageTo(again, relay.port, text, branch))
      send('first', 'z9hG4bK-first')
      await peer.got!('first')
      t.deepEqual(await relay.answered('z9hG4bK-first', 1), [200])
      for (const [i, branch] of ['z9hG4bK-first', 'z9hG4bK-other'].entries()) {
        send('first', branch)
        send(`behind-${i}`, `${branch}-behind`)
        await relay.answered(`${branch}-behind`, 1)
        await peer.got!(`behind-${i}`) // nothing of before is on its way any more
      }
      const [same, other] = [relay.answers('z9hG4bK-first')[1], relay.answers('z9hG4bK-other')[0]]
      t.true(same === 200 || same === undefined, `the transaction is over, or absorbs it: ${same}`)
      t.true(other === 200 || other === 482, `${other}`)
      const times = peer.times!('first')
      if (hasList.includes(user)) t.is(times, 1)
      else t.true(times <= 3 && (other === 482 || times >= 2), `shown ${times} times, ${same} and ${other}`)
      await peer.stop()
    },
  )
}

test.serial('they leave, and the capture has it all', async (t) => {
  await Promise.all(peers.map((peer) => peer.stop()))
  await settled(t, server)
})

/** A MESSAGE as a server sends it to a device; that text is always the same message. */
function messageTo({ transport, user }: Softphone, port: number, text: string, branch: string): string {
  const head = [
    `MESSAGE sip:${user}@localhost SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${port};branch=${branch}`,
    'Max-Forwards: 70',
    `From: <sip:sipjs@localhost>;tag=tag-${text}`,
    `To: <sip:${user}@localhost>`,
    `Call-ID: repeated-${text}-${user}`,
    'CSeq: 1 MESSAGE',
    'Content-Type: text/plain',
    `Content-Length: ${text.length}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${text}`
}
