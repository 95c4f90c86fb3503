/**
 * Rounds of `kill -9` under every kind of acknowledged change (SPEC §2.6): none is lost, and nothing comes back.
 * Changes of many users go on until the kill; each that was cut off may have been made or not.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { type Ids, randomIds } from '../../../signalling/index.ts'
import { proxima } from '../../support/process.ts'
import { type ServerProcess, scratch, startServer } from '../../support/server-process.ts'
import { Caller, domain, uri } from './caller.ts'
import { Ledger } from './ledger.ts'
import {
  AttachmentSubject,
  application,
  BindingSubject,
  type Http,
  IdentifierSubject,
  PublicationSubject,
  RelationSubject,
  registerUser,
  ServiceSubject,
  SubscriberSubject,
  serve,
  star,
  UserSubject,
  WatcherSubject,
} from './subjects.ts'

export interface RoundsOptions {
  readonly rounds: number
  /** Of each kind. */
  readonly subjects?: number
  readonly tell?: (line: string) => void
  readonly ids?: Ids
}

export interface RoundsOutcome {
  readonly faults: readonly string[]
  /** Acknowledged changes by kind. */
  readonly changes: ReadonlyMap<string, number>
}

const longest = 900 // milliseconds of changes before a kill

class Server {
  readonly folder = scratch()
  port = 0
  private http = 0
  private server: ServerProcess | undefined

  async open(): Promise<void> {
    this.port = await lastingPort()
    this.http = await lastingPort()
    const elements = [
      'proxy: { role: proxy, authenticate: none, registration: optional }',
      `hss: { role: hss, open: true, servers: [{ uri: sip:as@${domain}, application: ${application} }] }`,
      `prose: { role: prose, code: { lifetime: 36000, grace: 10 }, lifetime: 36000, pcrf: sip:pcrf@${domain}, charge: true }`,
      'pcrf: { role: pcrf }',
      'presence: { role: presence, watchers: everybody }',
      'registration: { role: registration }',
      `as: { role: application-server, application: ${application}, open: true }`,
      'mme: { role: mme, identifier: { lifetime: 36000, grace: 10 } }',
    ]
    const listen = `listen: [udp://127.0.0.1:${this.port}]\nhttp: 127.0.0.1:${this.http}\ndata: ${join(this.folder, 'data')}`
    writeFileSync(this.plan, `name: rounds\ndomains: [${domain}, 127.0.0.1]\n${listen}\nelements:\n  ${elements.join('\n  ')}\n`)
    await this.start()
  }
  private get plan(): string {
    return join(this.folder, 'plan.yaml')
  }
  async start(): Promise<void> {
    this.server = await startServer(this.plan, this.port, ['--log-level', 'warn'])
  }
  async kill(): Promise<void> {
    await this.server!.end('SIGKILL')
  }
  get output(): string {
    return this.server!.output()
  }
  readonly ask: Http = async (method, path, body) => {
    const token = readFileSync(join(this.folder, 'data', 'token'), 'utf8').trim()
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    try {
      const content = body === undefined ? {} : { body: JSON.stringify(body) }
      const response = await fetch(`http://127.0.0.1:${this.http}${path}`, { method, headers, ...content })
      const text = await response.text()
      return { status: response.status, value: text === '' ? undefined : (JSON.parse(text) as unknown) }
    } catch {
      return { status: 0, value: undefined } // it was killed meanwhile
    }
  }
  get charges(): readonly string[] {
    const folder = join(this.folder, 'data', 'charging')
    return readdirSync(folder).map((file) => join(folder, file))
  }
}

export async function killRounds({
  rounds,
  subjects = 4,
  tell = () => undefined,
  ids = randomIds(),
}: RoundsOptions): Promise<RoundsOutcome> {
  const server = new Server()
  await server.open()
  const caller = new Caller(server.port)
  await caller.open()
  const faults: string[] = []
  try {
    const starCode = await serve(caller, star, ['discoverable', 'discoverer'])
    if ((await registerUser(caller, star, 86_400)) !== 200) throw new Error('the star is no user')
    const heard = { code: starCode, device: uri(star) }
    const numbers = Array.from({ length: subjects }, (_, i) => i)
    const kept = numbers.flatMap((i) => [
      new BindingSubject(caller, i),
      new PublicationSubject(caller, i),
      new WatcherSubject(caller, i),
      new ServiceSubject(caller, i),
      new AttachmentSubject(caller, i, server.ask),
      new RelationSubject(caller, i, heard),
      new SubscriberSubject(caller, i, server.ask),
      new UserSubject(caller, i),
      new IdentifierSubject(caller, i),
    ])
    for (const subject of kept) await subject.open()
    const ledgers = kept.map((subject) => new Ledger(subject))
    for (let round = 1; round <= rounds; round++) {
      let going = true
      const running = ledgers.map((ledger) => ledger.run(() => going))
      await caller.pass(50 + ids.fraction() * longest)
      await server.kill()
      caller.kills++
      going = false
      await server.start()
      await Promise.all(running)
      for (const ledger of ledgers) {
        const fault = await ledger.fault()
        if (fault !== undefined) faults.push(`round ${round}: ${fault}`)
      }
      for (const ledger of ledgers) await ledger.settle()
      const total = ledgers.reduce((sum, { changes }) => sum + changes, 0)
      if (round % 10 === 0 || faults.length > 0)
        tell(`round ${round} of ${rounds}: ${total} changes acknowledged, ${faults.length} faults`)
      if (faults.length > 0) break
    }
    const audit = await proxima('charging', ...server.charges)
    if (audit.code !== 0) faults.push(`charging: ${audit.out}${audit.err}`)
    const changes = new Map<string, number>()
    for (const [i, { changes: count }] of ledgers.entries()) changes.set(kept[i]!.kind, (changes.get(kept[i]!.kind) ?? 0) + count)
    return { faults: faults.length === 0 ? [] : [...faults, server.output.slice(-2000)], changes }
  } finally {
    await server.kill()
    await caller.close()
  }
}
