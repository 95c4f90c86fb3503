/** Requests that one stage has lost (SPEC §8.3): they are compared at a restart. */
import test from 'ava'
import { CoreScene } from '../core-network/scene.ts'
import { alice, bobs, changesProfile, radii } from './waiting-scene.ts'

/** Removes what a stage keeps of all requests. */
async function loses(scene: CoreScene, prefix: string): Promise<void> {
  const keys: string[] = []
  for await (const [key] of scene.store.scan(prefix)) keys.push(key)
  await scene.store.write(keys.map((key) => ({ key, delete: true })))
}

async function asked() {
  const scene = await CoreScene.open()
  await changesProfile(scene, bobs)
  const watch = await scene.locate('bob', alice, { type: 'periodic', period: 30 }, 86_400)
  await scene.pass(5)
  return { scene, watch }
}

test('what the core network has lost it gets again', async (t) => {
  const { scene, watch } = await asked()
  await scene.pass(200)
  const before = radii(watch.notified).length
  t.true(before >= 6)
  await scene.lab.nodes.at(-1)!.stop(0)
  await loses(scene, 'core/')
  await scene.restart()
  await scene.pass(100)
  t.true(radii(watch.notified).length >= before + 3)
  t.is(scene.metric('sgsn_requests_waiting'), 1)
})

test('what the GMLC has lost the core network forgets', async (t) => {
  const { scene, watch } = await asked()
  await scene.lab.nodes.at(-1)!.stop(0)
  await loses(scene, 'gmlc/gmlc/request/')
  await scene.restart()
  await scene.pass(5)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
  t.is(scene.metric('gmlc_requests_waiting'), 0)
  t.is(watch.notified.at(-1)!.state, 'terminated;reason=deactivated')
})

test('nobody but stages of the same requests compares them', async (t) => {
  const { scene, watch } = await asked()
  const request = /id="(lr-[^"]+)"/.exec(watch.notified.at(-1)!.body)![1]!
  const audit = async (asserted: string): Promise<number> =>
    (await scene.message('sip:audit@sgsn.home.example', 'lcs-audit', { requests: [request] }, asserted)).status
  t.is(await audit('sip:bob@home.example'), 403)
  t.is(await audit('sip:gmlc@home.example'), 202)
})
