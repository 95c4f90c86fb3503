/** A Push server whose disk fills up or fails (A7): nobody gets 202 for what is not written, and all that got 202 is delivered. */

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { UdpHand } from '../hostile/stand.ts'
import { until } from '../support/patience.ts'
import { scratch, startServer, writeDialplan } from '../support/server-process.ts'
import { failingDisk, fill, type SmallDisk, smallDisk } from '../support/small-disk.ts'

const permissions = 'permissions: { discoverable: false, discoverer: false }'
const ids = { alice: '0b90c5d2e8b9f604', bob: '0a17c5d2e8b9f604', carol: '0c90c5d2e8b9f604' }
const pushUri = (user: keyof typeof ids): string => `sip:${ids[user]}@push.sip.test;user=push`
const elements = `  proxy: { role: proxy, authenticate: [MD5] }
  hss:
    role: hss
    subscribers:
      - { id: alice, password: alice-secret, ${permissions}, push: [{ id: ${ids.alice} }] }
      - { id: bob, password: bob-secret, ${permissions}, push: [{ id: ${ids.bob} }] }
      - { id: carol, password: carol-secret, ${permissions}, push: [{ id: ${ids.carol} }] }
  push:
    role: push
    store: { forUser: 10000, ofSource: 10000 }
    http: { anonymous: org.example.local }
    applications:
      - { id: org.example.local, push: 0f1d2e3c4b5a697b, default: ['text/*'] }
`

/** A disk that can be made to take no more, and then again. */
interface Medium {
  readonly folder: string
  /** @param pid of the server */
  full(pid: number): void
  room(): void
  remove(): void
}

function filled(disk: SmallDisk | string): Medium | string {
  if (typeof disk === 'string') return disk
  const ballast = join(disk.folder, 'ballast')
  return { ...disk, full: () => fill(ballast), room: () => rmSync(ballast) }
}

function broken(): Medium | string {
  const disk = failingDisk()
  return typeof disk === 'string' ? disk : { ...disk, full: disk.fail, room: disk.heal }
}

/** The map of LMDB can grow no more, since its process gets no more address space. */
function unmapped(): Medium | string {
  const allow = (pid: number, bytes: string): string | undefined => {
    const { error, status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--as=${bytes}:`])
    return status === 0 ? undefined : (error?.message ?? String(stderr).trim())
  }
  const missing = allow(process.pid, 'unlimited')
  if (missing !== undefined) return missing
  const folder = scratch()
  let server = 0
  return {
    folder,
    full: (pid) => {
      const size = 1024 * Number(/^VmSize:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1])
      allow((server = pid), String(size + (128 << 20)))
    },
    room: () => void allow(server, 'unlimited'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

for (const [title, durability, open, length, text] of [
  ['disk that is full', 'process', () => filled(smallDisk(8)), 3000, 'its disk is full: make room'],
  ['disk that is full', 'power', () => filled(smallDisk(8)), 3000, 'its disk is full: make room'],
  ['disk that fails within a write', 'power', broken, 3000, 'its disk failed within a write'],
  ['map that is full', 'process', unmapped, 40_000, 'its map cannot grow'],
  ['map that is full', 'power', unmapped, 40_000, 'its map cannot grow'],
] as const)
  test.serial(
    `A7: a ${title} (${durability}): no 202 without a write, others are served, and what got 202 is delivered`,
    async (t) => {
      t.timeout(120_000)
      const disk = open()
      if (typeof disk === 'string') {
        t.log(`not tried: ${disk}`)
        return t.pass()
      }
      t.teardown(() => disk.remove())
      const port = await lastingPort()
      const plan = writeDialplan(disk.folder, port, elements)
      const start = () => startServer(plan, port, ['--durability', durability, '--http', '127.0.0.1:0'])
      let server = await start()
      t.teardown(() => server.end('SIGKILL'))
      const http = () => /http:\/\/127\.0\.0\.1:\d+/.exec(server.output())![0]
      const health = async () => (await (await fetch(`${http()}/health`)).json()) as { status: string; store?: string }
      const phone = async () => {
        const hand = await UdpHand.open({ udp: port })
        t.teardown(() => hand.close())
        return hand
      }
      const [alice, bob, carol] = [await phone(), await phone(), await phone()]
      const register = async (hand: UdpHand, user: string): Promise<number> => {
        const to = `sip:${user}@sip.test`
        const lines = [`Contact: <sip:${user}@127.0.0.1:${hand.port}>;expires=3600`]
        return (await hand.askAs(user, 'REGISTER', 'sip:sip.test', { to, from: to, lines })).status
      }
      const push = async (user: 'bob' | 'carol', body: string): Promise<number> => {
        const to = pushUri(user)
        const lines = ['Content-Type: text/plain']
        return (await alice.askAs('alice', 'MESSAGE', to, { to, from: pushUri('alice'), lines, body })).status
      }
      const post = async (body: string): Promise<number> => (await fetch(`${http()}/push/bob`, { method: 'POST', body })).status

      const accepted: string[] = []
      const later = async (text: string): Promise<number> => {
        const status = await push('bob', text)
        if (status === 202) accepted.push(text)
        return status
      }
      carol.answer(200)
      t.is(await register(alice, 'alice'), 200)
      t.is(await register(carol, 'carol'), 200)
      t.is(await later('before'), 202)

      disk.full(server.pid)
      const refused: number[] = []
      for (let n = 0; refused.length < 5 && n < 5000; n++) {
        const status = await later(`full ${n} ${'x'.repeat(length)}`)
        if (status !== 202) refused.push(status)
      }
      t.deepEqual(refused, [500, 500, 500, 500, 500])
      t.true((await post(`by HTTP ${'x'.repeat(length)}`)) >= 500)
      t.like(await health(), { status: 'failing' })
      t.true((await health()).store?.includes(text), (await health()).store)
      t.is(await push('carol', 'she is there'), 200, 'who is there is served')
      t.is(carol.requests.at(-1)?.body.toString(), 'she is there')
      disk.room()
      await until('it stores again', async () => (await later('room again')) === 202)
      t.like(await health(), { status: 'ok' })
      t.is(await push('carol', 'again'), 200)

      t.is(await server.end('SIGKILL'), null, server.output())
      server = await start()
      bob.answer(200)
      t.is(await register(bob, 'bob'), 200)
      const got = (): readonly string[] => [...new Map(bob.requests.map(({ body, callId }) => [callId, String(body)])).values()]
      await until('he has all', async () => got().length >= accepted.length)
      t.is(await push('bob', 'last'), 200) // behind all that waited
      t.deepEqual(got(), [...accepted, 'last'])
      t.is(await server.end('SIGTERM'), 0, server.output())
    },
  )
