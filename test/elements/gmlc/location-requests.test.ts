/** Immediate requests where a target is (SPEC §8.2): what is told to whom, when, and what never is. */
import test from 'ava'
import { CoreScene } from '../core-network/scene.ts'

const alice = 'sip:alice@home.example'

test('V4: a fetch has one NOTIFY, which waits for the place; the 200 does not', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, {})
  t.is(asked.status, 200)
  t.is(asked.notified.length, 0)
  await scene.pass(1)
  t.is(asked.notified.length, 1)
  t.is(asked.notified[0]!.state, 'terminated;reason=timeout')
  t.regex(asked.notified[0]!.body, /<gs:radius[^>]*>1300</)
  t.is(scene.ues.bodies('privacy-notice').length, 1)
  t.like(scene.ues.bodies('privacy-notice')[0], { requestor: 'sip:bob@home.example', client: 'sip:bob@home.example' })
  await scene.pass(60)
  t.is(asked.notified.length, 1)
})

test('V4: a subscription is pending until the place is there, and over with it', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, {}, 600)
  await scene.pass(2)
  t.deepEqual(
    asked.notified.map(({ state }) => state.replace(/expires=\d+/, 'expires')),
    ['pending;expires', 'active;expires', 'terminated;reason=noresource'],
  )
  t.is(asked.notified[0]!.body, '')
  t.regex(asked.notified[1]!.body, /<gs:radius[^>]*>1300</)
})

test('L1: one who asks again and again, and another, have one answer', async (t) => {
  const scene = await CoreScene.open()
  scene.gmlc = {
    profiles: [{ target: 'alice', rules: [{ id: 'all', mode: 'allow', precision: 100 }] }],
  }
  await scene.restart()
  const points = new Set<string>()
  for (let time = 0; time < 60; time++) {
    const asked = await scene.locate(time % 2 === 0 ? 'bob' : 'carol', alice, {})
    await scene.pass(1)
    points.add(/<gml:pos>[^<]*/.exec(asked.notified[0]!.body)![0])
    if (time % 20 === 10) await scene.restart()
  }
  t.is(points.size, 1)
})

test('a place that was asked for before a permission was taken is not told after it', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { qos: { class: 'best-effort', accuracy: 10 } })
  await scene.pass(2)
  t.is((await scene.message('sip:ppr@home.example', 'privacy-profile', { rules: [] }, alice)).status, 200)
  await scene.pass(30)
  t.deepEqual(
    asked.notified.map(({ body, state }) => [state, body]),
    [['terminated;reason=rejected', '']],
  )
})

test('a permission that becomes coarser while the target is asked counts', async (t) => {
  const scene = await CoreScene.open()
  const rule = { id: 'carol', who: { one: ['sip:carol@home.example'] }, mode: 'ask-allow' as const }
  const tell = (precision: number | 'exact') =>
    scene.message('sip:ppr@home.example', 'privacy-profile', { rules: [{ ...rule, precision }] }, alice)
  t.is((await tell('exact')).status, 200)
  const asked = await scene.locate('carol', alice, {}, 600)
  await scene.pass(5)
  t.is((await tell(10_000)).status, 200)
  await scene.pass(60)
  t.regex(asked.notified.findLast(({ body }) => body !== '')!.body, /<gs:radius[^>]*>11000</)
})

test('no answer of the core network: a note, in time', async (t) => {
  const scene = await CoreScene.open()
  scene.gmlc = { cores: ['nobody'] }
  await scene.restart()
  const refused = await scene.locate('bob', alice, {})
  await scene.pass(20)
  t.regex(refused.notified[0]!.body, /<note[^>]*>lr-[\w-]{22}: position-timeout</)
  const long = await scene.locate('bob', alice, { qos: { class: 'best-effort', responseTime: 26 } })
  t.is(long.status, 403)
  t.regex(long.warning ?? '', /use Expires > 0/)
})

test('L11: after five wrong codewords in an hour the right one is wrong, too', async (t) => {
  const scene = await CoreScene.open()
  const tells = async (codeword: string): Promise<boolean> => {
    const asked = await scene.locate('carol', alice, { codeword })
    await scene.pass(1)
    return asked.notified[0]!.body.includes('gs:Circle')
  }
  t.true(await tells(' Apfelbaum '))
  for (let time = 0; time < 5; time++) t.false(await tells('Birnbaum'))
  t.false(await tells('Apfelbaum'))
  await scene.pass(3600)
  t.true(await tells('Apfelbaum'))
})

test('V1: a requestor is named by an LCS client alone', async (t) => {
  const scene = await CoreScene.open()
  const named = await scene.locate('maps', alice, { requestor: 'sip:bob@home.example' })
  await scene.pass(1)
  t.regex(named.notified[0]!.body, /<gs:radius[^>]*>1300</)
  t.like(scene.ues.bodies('privacy-notice')[0], { requestor: 'sip:bob@home.example', client: 'maps' })
  t.is((await scene.locate('carol', alice, { requestor: 'sip:bob@home.example' })).status, 403)
})

test('profiles: durable, by version, of their subscriber alone, and malformed ones change nothing', async (t) => {
  const scene = await CoreScene.open()
  const profile = {
    rules: [{ id: 'carol', who: { one: ['sip:carol@home.example'] }, mode: 'allow' as const, precision: 10_000 }],
  }
  const update = async (asserted: string, value: object) =>
    (await scene.message('sip:ppr@home.example', 'privacy-profile', value as typeof profile, asserted)).status
  const isTold = async (): Promise<boolean> => {
    const asked = await scene.locate('carol', alice, undefined)
    await scene.pass(1)
    return asked.notified[0]!.body.includes('gs:Circle')
  }
  t.is(await update(alice, profile), 200)
  t.is(await update(alice, { ...profile, replaces: 0 }), 200, 'the same once more')
  t.is(await update(alice, { rules: [], replaces: 0 }), 412)
  t.is(
    await update(alice, {
      rules: [{ id: 'x', mode: 'allow', weekly: { days: ['mon'], hours: '08:00-17:00', zone: 'Nowhere' } }],
    }),
    400,
  )
  t.is(await update('sip:nobody@home.example', profile), 403)
  t.true(await isTold())
  await scene.restart()
  t.true(await isTold())
  t.is(await update(alice, { rules: [], replaces: 1 }), 200)
  await scene.restart()
  t.false(await isTold())
})

test('L5: neither places nor codewords are in the log', async (t) => {
  const scene = await CoreScene.open()
  await scene.locate('carol', alice, { codeword: 'Apfelbaum' })
  await scene.ask({ client: 'maps', service: 'text' })
  await scene.pass(5)
  const lines = JSON.stringify([scene.lab.lines, scene.lab.errors])
  t.notRegex(lines, /52\.5|13\.40|Apfelbaum|Berlin/)
  for await (const [, { value }] of scene.store.scan('gmlc/')) t.notRegex(JSON.stringify(value), /Apfelbaum/)
})
