/**
 * A device moves to another ProSe server while a process dies (SPEC §4): wherever that happens, each application server looks
 * for it where it is known, and in the end all of them at the former server or all at the new one.
 */
import test, { type ExecutionContext } from 'ava'
import { type NodeName, RelocationScene } from './relocation-scene.ts'

const second = 'sip:prose2@localhost'
const servers = ['as', 'as2'] as const

async function checkKnown(t: ExecutionContext, scene: RelocationScene, when: string): Promise<readonly string[]> {
  const places: string[] = []
  for (const server of servers) {
    const { known, prose, epuid } = await scene.placeOf(server)
    t.true(known, `${when}: ${server} looks for ${epuid} at ${prose}, where nobody knows it`)
    places.push(prose)
  }
  return places
}

/** Undefined: the move was over before so many events. */
async function dieAt(t: ExecutionContext, victim: NodeName, at: number, seen: boolean): Promise<string | undefined> {
  const scene = new RelocationScene()
  await scene.open()
  const before = scene.client.epuid!
  scene.end = { victim, at, seen }
  const when = `${victim} dies ${seen ? 'after' : 'before'} event ${at}`
  const { cause } = await scene.during(scene.client.moveTo(second))
  await scene.clock.advance(1000)
  scene.end = undefined
  const over = !scene.isDead(victim)
  await checkKnown(t, scene, when)
  if (!over) await scene.begin(victim)
  await scene.clock.advance(200_000)
  const places = await checkKnown(t, scene, `${when}, and is there again`)
  t.is(new Set(places).size, 1, `${when}: all at one server, not ${places}`)
  if (cause === undefined) t.is(places[0], second, `${when}: what was told holds`)
  t.deepEqual(await scene.unfinished(), [], when)
  const again = await scene.during(scene.client.moveTo(second, before, 'sip:prose@localhost'))
  t.is(again.cause, undefined, `${when}: and it can move`)
  t.deepEqual(await checkKnown(t, scene, `${when}, and it moves again`), [second, second])
  return over ? undefined : places[0]
}

for (const victim of ['south', 'north', 'apps'] as const) {
  test(`${victim} dies at each step of a move`, async (t) => {
    const outcomes = new Set<string>()
    for (const seen of victim === 'south' ? [false, true] : [true]) {
      for (let at = 1; ; at++) {
        const outcome = await dieAt(t, victim, at, seen)
        if (outcome === undefined) break
        outcomes.add(outcome)
      }
    }
    t.true(outcomes.has('sip:prose@localhost'), 'some deaths leave it where it was')
    t.true(outcomes.has(second), 'some do not')
  })
}

test('an application server that hears of a move when that has been given up goes back', async (t) => {
  const scene = new RelocationScene()
  await scene.open()
  const before = scene.client.epuid!
  scene.cut('south', 'apps')
  const move = scene.client.moveTo(second)
  await scene.clock.advance(11_000)
  t.is((await scene.during(move)).cause, 'application-server-unreachable')
  scene.heal() // the first update is sent again, and arrives, as what takes it back does
  for (let i = 0; i < 30; i++) {
    await scene.clock.advance(1000)
    await checkKnown(t, scene, `${i} s later`)
  }
  await scene.clock.advance(200_000)
  t.deepEqual(await checkKnown(t, scene, 'in the end'), ['sip:prose@localhost', 'sip:prose@localhost'])
  t.deepEqual(await scene.unfinished(), [])
  t.is((await scene.during(scene.client.moveTo(second, before, 'sip:prose@localhost'))).cause, undefined)
})

test('one who has gone on meanwhile is not fetched back', async (t) => {
  const scene = new RelocationScene()
  await scene.open()
  scene.cut('south', 'apps')
  const move = scene.client.moveTo(second)
  await scene.clock.advance(11_000)
  await scene.during(move)
  scene.kill('south')
  scene.heal()
  const { cause } = await scene.during(scene.client.registerAutomatically())
  t.is(cause, undefined, 'registered anew where it was')
  await scene.begin('south')
  await scene.clock.advance(200_000)
  t.is((await checkKnown(t, scene, 'in the end'))[0], 'sip:prose@localhost')
  t.deepEqual(await scene.unfinished(), [])
})

test('two applications that begin together on a slow store are bound to one identifier, and both move', async (t) => {
  const scene = new RelocationScene()
  scene.slowness = 20
  await scene.open('together')
  const before = scene.client.epuid!
  t.is(scene.other.epuid, before)
  t.deepEqual(await checkKnown(t, scene, 'registered'), ['sip:prose@localhost', 'sip:prose@localhost'])
  t.is((await scene.during(scene.client.moveTo(second))).cause, undefined)
  t.deepEqual(await checkKnown(t, scene, 'moved'), [second, second])
})
