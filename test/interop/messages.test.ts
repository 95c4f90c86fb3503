/** Peers that we have not written register and exchange MESSAGEs with each other through us, over every transport. */
import test from 'ava'
import { startNode } from '../support/process.ts'
import { baresipPeer } from './peers/baresip.ts'
import { settled } from './peers/capture.ts'
import type { Peer } from './peers/peer.ts'
import { sippPeer } from './peers/sipp.ts'
import { sipsakPeer } from './peers/sipsak.ts'
import { jsSipPeer, sipJsPeer } from './peers/web.ts'

const users = ['baresip-udp', 'baresip-tcp', 'sipp-udp', 'sipp-tcp', 'sipjs', 'jssip']

test('everybody writes to everybody', async (t) => {
  const node = await startNode({ users: [...users, 'sipp-udp-2', 'sipp-tcp-2', 'sipsak'] })
  t.teardown(() => node.remove())
  const friends = (own: string): readonly string[] => users.filter((user) => user !== own)
  const web = [await sipJsPeer(node), await jsSipPeer(node)]
  t.teardown(() => Promise.all(web.map((peer) => peer.stop())))
  const peers: readonly Peer[] = [
    ...web,
    ...(await Promise.all([
      baresipPeer(node, 'udp', friends('baresip-udp')),
      baresipPeer(node, 'tcp', friends('baresip-tcp')),
      sippPeer(node, 'udp'),
      sippPeer(node, 'tcp'),
      sipsakPeer(node),
    ])),
  ]
  let pairs = 0
  for (const from of peers) {
    for (const to of peers) {
      if (from === to || to.got === undefined) continue
      const text = `${from.name} to ${to.name}: grüß dich, 近くに`
      await from.send(to.user, text)
      await to.got(text)
      pairs++
    }
  }
  t.is(pairs, 6 * 5 + 6)
  for (const peer of peers) await peer.stop()
  await settled(t, node)
})
