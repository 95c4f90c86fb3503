/** Junk at a Push server: who sends too much is told so, and costs nobody else a message. */
import test from 'ava'
import { PushScene } from './scene.ts'

const permissions = { discoverable: false, discoverer: false }

/** Sources beside alice, with a Push identifier each, as lines of their requests. */
async function sources(scene: PushScene, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, i) => `0c${String(i).padStart(2, '0')}c5d2e8b9f604`)
  for (const [i, id] of ids.entries()) await scene.hss.set({ id: `sender${i}`, permissions, push: [{ id }] })
  await scene.pass(2)
  return ids.map((id) => `P-Asserted-Identity: <sip:${id}@push.localhost;user=push>`)
}

test('A6: an application that nobody has approved, at 20 times the honest rate: 403, and the honest ones arrive', async (t) => {
  const scene = await PushScene.open({ applications: [{ id: 'org.example.good', default: ['text/plain'] }] })
  const phone = await scene.phone()
  await scene.register(phone)
  for (let i = 0; i < 10; i++) {
    for (let junk = 0; junk < 20; junk++)
      t.is(await scene.push('junk', { lines: ['Push-Application: org.example.bad'] }, 0.02), 403)
    t.is(await scene.push(String(i), {}, 0.1), 200)
  }
  t.deepEqual(phone.got, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
})

test('A6: an approved application at 20 times its rate: 503 with the limit, and another one is served', async (t) => {
  const scene = await PushScene.open({
    applications: [
      { id: 'org.example.loud', rate: { rate: 1, burst: 5 } },
      { id: 'org.example.good', default: ['text/plain'] },
    ],
  })
  const phone = await scene.phone()
  await scene.register(phone)
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) {
    statuses.push(await scene.push('loud', { lines: ['Push-Application: org.example.loud'] }, 0.05))
    t.is(await scene.push('good', {}, 0.05), 200)
  }
  t.deepEqual([statuses.filter((status) => status === 200).length, new Set(statuses).has(503)], [6, true])
  const { headers, status } = await scene
    .answer('loud', { lines: ['Push-Application: org.example.loud'] }, 0.05)
    .then((answer) => ({
      status: answer.status,
      headers: [answer.text('Retry-After'), answer.text('Warning')],
    }))
  t.is(status, 503)
  t.truthy(headers[0])
  t.regex(headers[1] ?? '', /limit|reset/)
  t.is(phone.got.filter((text) => text === 'good').length, 20)
})

test('A6: one sender and one victim who is away: his share is full, 503; another’s message is kept', async (t) => {
  const scene = await PushScene.open({ store: { ofSource: 5 } })
  const [other] = await sources(scene, 1)
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) statuses.push(await scene.push(`junk ${i}`, {}, 0.05))
  t.deepEqual(statuses, [...Array<number>(5).fill(202), ...Array<number>(15).fill(503)])
  t.is(await scene.push('honest', { asserted: false, lines: [other!] }), 202)
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(5)
  t.true(phone.got.includes('honest'))
  t.is(phone.got.length, 6)
})

test('A6: many senders and one victim who is away: his limit holds, 480, and the oldest are kept', async (t) => {
  const scene = await PushScene.open({ store: { forUser: 10 } })
  const all = await sources(scene, 20)
  const statuses: number[] = []
  for (const [i, line] of all.entries()) statuses.push(await scene.push(String(i), { asserted: false, lines: [line] }, 0.05))
  t.deepEqual(statuses, [...Array<number>(10).fill(202), ...Array<number>(10).fill(480)])
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(5)
  t.deepEqual(phone.got, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  t.is(scene.unaccounted, 0)
})
