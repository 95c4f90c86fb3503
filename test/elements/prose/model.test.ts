/** Whatever happens in whatever order, lists, differences and a simple model of SPEC §3.2 say the same. */
import test from 'ava'
import fc from 'fast-check'
import type { ProximityDiff, ProximityList } from '../../../elements/schemas/index.ts'
import type { PlayedSubscription } from '../../support/element-network.ts'
import { codeOf, Scene, sip } from './scene.ts'

const users = ['alice', 'bob', 'zoe'] as const
const lifetime = 60_000
const diffType = 'application/vnd.proxima.proximity-diff+json'

type Step =
  | { readonly kind: 'join' | 'leave'; readonly user: number }
  | { readonly kind: 'hear' | 'lose'; readonly user: number; readonly peer: number }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'restart' }

const index = fc.nat({ max: users.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), user: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), user: index }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('hear' as const), user: index, peer: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), user: index, peer: index }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' } as const) },
)

class Model {
  readonly joined = new Set<string>()
  readonly heard = new Map<string, number>() // "reporter peer" -> when

  near(user: string, now: number): string[] {
    return users.filter((peer) => now - (this.heard.get(`${user} ${peer}`) ?? Number.NEGATIVE_INFINITY) < lifetime)
  }
  leave(user: string): void {
    this.joined.delete(user)
    for (const key of this.heard.keys()) if (key.split(' ').includes(user)) this.heard.delete(key)
  }
}

/** What a subscriber knows that applies every difference it is sent. */
function folded(watcher: PlayedSubscription): string[] {
  const known = new Set<string>()
  let version = 0
  for (const body of watcher.bodies) {
    const diff = JSON.parse(String(body!.content)) as ProximityDiff
    if (!diff.full && diff.version !== version + 1) throw new Error('a gap in the versions')
    version = diff.version
    if (diff.full) known.clear()
    for (const { device } of diff.added) known.add(device)
    for (const device of diff.removed) if (!known.delete(device)) throw new Error(`${device} removed, but never added`)
  }
  return [...known].sort()
}

async function play(steps: readonly Step[]): Promise<string | undefined> {
  const scene = await new Scene({ code: { lifetime: 100_000 }, expires: { usual: 100_000, max: 100_000 } }).open()
  await scene.hss.set({ id: 'zoe', permissions: { discoverable: true, discoverer: true } })
  const model = new Model()
  const { clock } = scene.network
  const watchers = new Map<string, PlayedSubscription>()
  const requests = new Map<string, PlayedSubscription>()
  for (const user of users) {
    watchers.set(user, await scene.watch(user, undefined, { accept: diffType }))
    requests.set(user, await scene.join(user))
    model.joined.add(user)
  }
  for (const [i, one] of steps.entries()) {
    const user = 'user' in one ? users[one.user]! : ''
    const peer = 'peer' in one ? users[one.peer]! : ''
    const request = requests.get(peer)
    const code = request?.live === true ? codeOf(request) : undefined
    if (one.kind === 'join' && !model.joined.has(user)) {
      requests.set(user, await scene.join(user))
      model.joined.add(user)
    } else if (one.kind === 'leave') {
      await requests.get(user)!.end()
      model.leave(user)
    } else if (one.kind === 'hear' && code !== undefined) {
      const { status } = await scene.report(user, [code])
      if (status !== (model.joined.has(user) ? 200 : 403)) return `step ${i}: ${status}`
      if (status === 200 && user !== peer) model.heard.set(`${user} ${peer}`, clock.date())
    } else if (one.kind === 'lose' && code !== undefined) {
      const { status } = await scene.report(user, [], [code])
      if (status === 200) model.heard.delete(`${user} ${peer}`)
    } else if (one.kind === 'wait') await clock.advance(one.seconds * 1000 + 100)
    else if (one.kind === 'restart') await scene.restart()
    for (const each of users) {
      const expected = model.near(each, clock.date()).map(sip).sort().join()
      const { proximate } = (await scene.query(each, undefined, { expires: 0 })).subscription!.last as ProximityList
      const listed = proximate
        .map(({ device }) => device)
        .sort()
        .join()
      const heard = folded(watchers.get(each)!).join()
      if (listed !== expected || heard !== expected) {
        return `step ${i}, ${each}: ${expected} expected, ${listed} listed, ${heard} told`
      }
    }
  }
  return undefined
}

test('lists, differences and the model agree after every step', async (t) => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }), async (steps) => {
    const difference = await play(steps)
    if (difference !== undefined) throw new Error(difference)
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 60, seed: 20_261_122 }))
})
