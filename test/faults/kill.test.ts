/** `kill -9` at random moments: what got a 2xx is there again, and goes on (SPEC §2.6). */
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { readBody } from '../../elements/schemas/index.ts'
import { randomIds } from '../../signalling/index.ts'
import { Crowd, type CrowdSubscription } from '../support/crowd.ts'
import { scratch, startServer, writeDialplan } from '../support/server-process.ts'

const users = 2000
const subscribers = 500
const kills = 3
const elements = `  proxy: { role: proxy, authenticate: none, registration: optional, expires: { usual: 3600, min: 1, max: 86400 } }
  hss: { role: hss, open: true }
  prose: { role: prose, mode: all, code: { lifetime: 5, grace: 2 }, lifetime: 3600 }
`
const name = (i: number): string => `u${String(i).padStart(4, '0')}`

test('nothing acknowledged is lost, nobody resubscribes, no code is given twice', async (t) => {
  const ids = randomIds()
  const folder = scratch()
  const port = await lastingPort()
  const plan = writeDialplan(folder, port, elements)
  let server = await startServer(plan, port)
  const crowd = new Crowd('sip.test', port)
  await crowd.open()
  const services: CrowdSubscription[] = []
  const questions: CrowdSubscription[] = []
  let streaming = true

  /** One report after the other, of anybody by anybody, until told to stop. */
  const stream = async (): Promise<void> => {
    while (streaming) {
      const codes = [...crowd.codes.keys()]
      const code = codes[Math.floor(ids.fraction() * codes.length)]
      if (code !== undefined) await crowd.report(name(Math.floor(ids.fraction() * (subscribers / 2))), code)
      await crowd.pass(5) // what it is to try is the kill, not the load
    }
  }
  try {
    const streams = [stream(), stream(), stream(), stream()]
    // Registrations and subscriptions come while the server is killed.
    const arrivals = (async () => {
      for (let i = 0; i < users; i++) {
        void crowd.register(name(i))
        if (i < subscribers / 2) services.push(crowd.proximity(name(i)))
        else if (i < subscribers) {
          const service = services[i - subscribers / 2]!
          await crowd.until('the service stands', () => service.notifications > 0) // who may not discover may not ask
          questions.push(crowd.near(name(i - subscribers / 2), 1))
        }
        if (i % 10 === 9) await crowd.pass(25)
      }
    })()
    for (let kill = 0; kill < kills; kill++) {
      await crowd.pass(800 + ids.fraction() * 1200)
      await server.end('SIGKILL')
      server = await startServer(plan, port)
    }
    await arrivals
    await crowd.until('every user is registered', () => crowd.registered.size === users, 40)
    await crowd.until('every service has told its state', () => services.every(({ notifications }) => notifications > 0), 40)
    await crowd.until('every question has an answer', () => questions.every(({ notifications }) => notifications > 0), 40)

    // The last one finds everything at rest but the reports.
    await crowd.pass(ids.fraction() * 1000)
    await server.end('SIGKILL')
    server = await startServer(plan, port)
    streaming = false
    await Promise.all(streams)

    const before = questions.map(({ notifications }) => notifications)
    const codesBefore = crowd.codes.size
    await crowd.until('periodic feedback goes on', () => questions.every((held, i) => held.notifications >= before[i]! + 2))
    await crowd.until('codes go on rotating', () => crowd.codes.size >= codesBefore + subscribers / 2)
    t.deepEqual(
      services.filter(({ ended }) => ended !== undefined),
      [],
      'no service ended',
    )
    t.deepEqual(
      questions.filter(({ ended }) => ended !== undefined),
      [],
      'no question ended',
    )
    t.deepEqual(crowd.doubled, [], 'no code is given twice')

    let missing = 0
    for (let i = 0; i < users; i++) if ((await crowd.bindings(name(i))).length !== 1) missing++
    t.is(missing, 0, 'every binding is there')

    const lost: string[] = []
    let relations = 0
    for (const [reporter, heard] of crowd.heard) {
      const fetched = crowd.near(reporter, 0)
      await crowd.until('a list', () => fetched.notifications > 0 || fetched.ended !== undefined)
      const list = readBody(fetched.last!.request, 'proximity-list').value?.proximate ?? []
      const devices = new Set(list.map(({ device }) => device))
      for (const user of heard) {
        if (user === reporter) continue
        relations++
        if (!devices.has(crowd.uri(user))) lost.push(`${reporter} heard ${user}`)
      }
    }
    t.log(`${relations} relations, ${lost.length} lost; first list has ${[...crowd.heard].length}`)
    t.true(relations > 100, `the stream of matches was one: ${relations}`)
    t.deepEqual(lost, [], 'every acknowledged relation is there')
  } catch (fault) {
    t.log(server.output().slice(-2000))
    throw fault
  } finally {
    streaming = false
    await server.end('SIGKILL')
    await crowd.close()
  }
})

test('SIGTERM ends it with 0 within 5 seconds', async (t) => {
  const folder = scratch()
  const port = await lastingPort()
  const server = await startServer(writeDialplan(folder, port, elements), port)
  t.is(await server.end('SIGTERM'), 0)
})
