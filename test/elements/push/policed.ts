/** A Push server that asks a PCRF, and a peer to whom it hands over. */
import { createPcrf } from '../../../elements/pcrf/index.ts'
import { PushScene } from './scene.ts'

const host = 'op-b.example'
export const partnerId = '4e90c5d2e8b9f604'
export const partnerUri = `sip:${partnerId}@push.${host};user=push`
/** The peer, to the node and to its Push server. */
export const peerOperators = [{ name: host, domains: [host], hosts: [`push.${host}`], addresses: [] }]
export const pushPeers = [{ domains: [host], flags: ['01'], vouches: [], servers: [{ flags: '01', server: `sip:push@${host}` }] }]

/** @param otherwise of the PCRF; undefined: it is not there */
export async function policed(otherwise: 'deny' | undefined): Promise<PushScene> {
  const pcrf = otherwise === 'deny' ? 'pcrf' : 'sip:nobody@192.0.2.9'
  const scene = await PushScene.open({ peers: pushPeers, pcrf, relay: 'store' })
  scene.lab.peers = peerOperators
  if (otherwise === 'deny') scene.others.push(createPcrf('pcrf', { otherwise }))
  await scene.restart()
  return scene
}
