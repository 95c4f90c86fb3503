/** `kill -9` of the proximity server and of the PCRF at random moments: no charge is lost or doubled, no quota overdrawn (SPEC §6.2). */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { audit, type ChargingAudit } from '../../dialplans/commands/charging/audit.ts'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { randomIds } from '../../signalling/index.ts'
import { Crowd, type CrowdSubscription } from '../support/crowd.ts'
import { proxima } from '../support/process.ts'
import { type ServerProcess, scratch, startServer } from '../support/server-process.ts'

const domain = 'sip.test'
const users = 40
const kills = 8
const name = (i: number): string => `u${i}`

/** Two nodes, each a process: what talks to UEs, and the PCRF. */
class Network {
  readonly folder = scratch()
  readonly servers = new Map<string, ServerProcess>()
  port = 0
  private http = 0

  async open(prose: string, pcrf = ''): Promise<void> {
    this.port = await lastingPort()
    this.http = await lastingPort()
    const other = await lastingPort()
    const text = `name: test
domains: [${domain}, 127.0.0.1]
data: ${join(this.folder, 'data')}
nodes:
  edge: { listen: [udp://127.0.0.1:${this.port}], http: 127.0.0.1:${this.http}, elements: [proxy, hss, prose] }
  policy: { listen: [udp://127.0.0.1:${other}], elements: [pcrf] }
elements:
  proxy: { role: proxy, authenticate: none, registration: optional }
  hss: { role: hss, open: true }
  prose: { role: prose, code: { lifetime: 4, grace: 1 }, pcrf: 'sip:pcrf@${domain}', charge: true${prose} }
  pcrf: { role: pcrf${pcrf} }
`
    writeFileSync(this.plan, text)
    await Promise.all([this.start('policy'), this.start('edge')])
  }
  get plan(): string {
    return join(this.folder, 'plan.yaml')
  }
  async start(node: string): Promise<void> {
    const options = node === 'policy' ? ['--durability', 'power'] : []
    this.servers.set(node, await startServer(this.plan, this.port, [...options, '--node', node, '--log-level', 'warn']))
  }
  async kill(node: string): Promise<void> {
    await this.servers.get(node)!.end('SIGKILL')
    await this.start(node)
  }
  /** Of the proximity server; 0 where it was not counted yet. */
  async metric(metric: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.http}/metrics`)).text()
    return Number(new RegExp(`^proxima_prose_${metric} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  get records(): readonly string[] {
    const folder = join(this.folder, 'data', 'policy', 'charging')
    return readdirSync(folder).map((file) => join(folder, file))
  }
  async close(): Promise<void> {
    for (const server of this.servers.values()) await server.end('SIGKILL')
  }
}

function charged({ sums }: ChargingAudit, user: string, event: string): number {
  return sums
    .filter((sum) => sum.subscriber === `sip:${user}@${domain}` && sum.event === event)
    .reduce((count, sum) => count + sum.count, 0)
}

test('every code and every feedback is charged, and each once', async (t) => {
  const ids = randomIds()
  const network = new Network()
  await network.open('')
  const crowd = new Crowd(domain, network.port)
  await crowd.open()
  const questions: CrowdSubscription[] = []
  try {
    for (let i = 0; i < users; i++) {
      crowd.proximity(name(i))
      questions.push(crowd.near(name(i), 0.2))
    }
    await crowd.until('every question has an answer', () => questions.every(({ notifications }) => notifications > 0))
    for (let kill = 0; kill < kills; kill++) {
      await crowd.pass(200 + ids.fraction() * 1200)
      if (kill % 4 === 3) await Promise.all([network.kill('edge'), network.kill('policy')])
      else await network.kill(kill % 2 === 0 ? 'edge' : 'policy')
    }
    const before = questions.map(({ notifications }) => notifications)
    await crowd.until('feedback goes on', () => questions.every((held, i) => held.notifications > before[i]! + 2))
    const codes = new Map<string, number>()
    for (const user of crowd.codes.values()) codes.set(user, (codes.get(user) ?? 0) + 1)
    const notifications = questions.map(({ notifications }) => notifications)

    // What has been told is recorded once the outbox of that moment is empty: wait until as much is.
    const all = (): ChargingAudit => audit(network.records)
    const missing = (): readonly string[] => {
      const found = all()
      return questions.flatMap(({ user }, i) => {
        const allocations = charged(found, user, 'allocation')
        const feedback = charged(found, user, 'feedback')
        const short = allocations < (codes.get(user) ?? 0) || feedback < notifications[i]!
        return short ? [`${user}: ${allocations} of ${codes.get(user)} codes, ${feedback} of ${notifications[i]} feedbacks`] : []
      })
    }
    await crowd.until('all that was told is charged', () => missing().length === 0, 40).catch(() => undefined)
    t.deepEqual(missing(), [], 'nothing is lost')
    const found = all()
    t.log(
      `${found.records} records, ${crowd.codes.size} codes, ${notifications.reduce((sum, count) => sum + count, 0)} feedbacks`,
    )
    t.deepEqual(found.faults, [], 'no number is missing, none twice')
    t.is(found.first, 1)
    t.is(found.voids, 0)
    t.true(found.records > 500, `${found.records} records`)
    t.is(new Set(crowd.codes.keys()).size, crowd.codes.size)
    const { code, out } = await proxima('charging', ...network.records)
    t.is(code, 0)
    t.regex(out, /records, 1 to \d+: none missing, none twice/)
  } catch (fault) {
    for (const [node, server] of network.servers) t.log(node, server.output().slice(-1500))
    throw fault
  } finally {
    await network.close()
    await crowd.close()
  }
})

test('a quota outlives the element that was granted it: what it had not used counts as used, and no more is', async (t) => {
  const [quota, block, deaths] = [60, 4, 3]
  const network = new Network()
  await network.open(
    ', confirm: feedback',
    `, rules: [{ subscribers: [quota], quota: { count: ${quota} } }], block: { count: ${block} }`,
  )
  const crowd = new Crowd(domain, network.port)
  await crowd.open()
  try {
    const question = crowd.near('quota', 0.1)
    const free = crowd.near('free', 0.1)
    for (let kill = 0; kill < deaths; kill++) {
      const before = question.notifications
      await crowd.until('some feedback', () => question.notifications > before + 5)
      await network.kill('edge')
    }
    const before = question.notifications
    await network.kill('policy')
    await crowd.until('some more feedback', () => question.notifications > before + 5 || question.ended !== undefined)
    await crowd.until('it is used up', () => question.ended !== undefined, 60)
    const unanswered = await network.metric('policy_unanswered_total') // each a unit more, since the service goes on
    await network.servers.get('policy')!.end('SIGKILL')
    await network.start('policy')
    const again = crowd.near('quota', 0)
    await crowd.until('the question is answered', () => again.notifications > 0 || again.ended !== undefined)
    t.regex(again.ended!, /^403/, 'the quota is used up after a restart too')
    t.is(free.ended, undefined, 'who has no quota goes on')
    await crowd.until(
      'some more feedback',
      () => charged(audit(network.records), 'quota', 'feedback') >= question.notifications - 1,
    )
    const used = charged(audit(network.records), 'quota', 'feedback')
    t.log(`${used} of ${quota} used, ${question.notifications} NOTIFYs`)
    t.true(used <= quota + unanswered, `${used} of ${quota} and ${unanswered}`)
    t.true(used >= quota - (deaths + 1) * block, `${used} of ${quota}`)
  } catch (fault) {
    for (const [node, server] of network.servers) t.log(node, server.output().slice(-1500))
    throw fault
  } finally {
    await network.close()
    await crowd.close()
  }
})
