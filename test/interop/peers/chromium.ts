/** The two SIP stacks of browsers in headless Chromium: a browser for a server, a page for a client, driven by its debugging protocol. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import { servePage } from '../../support/clients/serve.ts'
import { type DefaultServer, Running } from '../../support/process.ts'
import { drivenPeer, Said } from './driven.ts'
import { type Peer, passwordOf } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

const quiet = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
]
// as root it has no sandbox; the certificate of the server is its own
const flags = [
  '--headless',
  '--no-sandbox',
  ...quiet,
  '--disable-sync',
  '--ignore-certificate-errors',
  '--remote-debugging-port=0',
]

interface Told {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: {
    readonly args?: readonly { readonly value?: unknown }[]
    readonly exceptionDetails?: unknown
    readonly registrations?: readonly { readonly registrationId: string; readonly scopeURL: string }[]
  }
  readonly result?: { readonly targetId?: string; readonly sessionId?: string; readonly result?: { readonly value?: unknown } }
  readonly error?: unknown
}

export class Chromium {
  /** URL of the page that it opens. */
  readonly page: string
  /** Registrations of service workers, by their scopes; of sessions that have enabled that domain. */
  readonly workers = new Map<string, string>()
  private readonly socket: WebSocket
  private readonly pages = new Map<string, Said>()
  private readonly waiting = new Map<number, (message: Told) => void>()
  private count = 0

  private constructor(socket: WebSocket, page: string) {
    this.socket = socket
    this.page = page
    socket.on('message', (data) => this.message(JSON.parse(String(data)) as Told))
  }
  static async open(server: DefaultServer): Promise<Chromium> {
    const { server: pages, address } = await servePage()
    pages.unref()
    const folder = join(server.folder, 'chromium')
    mkdirSync(folder)
    const args = ['--kill-after=5', '1500', 'chromium', ...flags, `--user-data-dir=${folder}`, 'about:blank']
    const process = new Running('timeout', args, { cwd: folder, home: folder })
    server.guests.add(process)
    const [, endpoint] = await process.said(/DevTools listening on (ws:\S+)/)
    const socket = new WebSocket(endpoint!)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return new Chromium(socket, address)
  }
  private message({ id, method, sessionId, params, result, error }: Told): void {
    const said = this.pages.get(sessionId ?? '')
    if (method === 'Runtime.consoleAPICalled') said?.say((params?.args ?? []).map(({ value }) => String(value)).join(' '))
    if (method === 'Runtime.exceptionThrown') said?.say(`exception ${JSON.stringify(params?.exceptionDetails)}`)
    for (const { registrationId, scopeURL } of params?.registrations ?? []) this.workers.set(scopeURL, registrationId)
    if (id === undefined) return
    this.waiting.get(id)?.({ ...(result === undefined ? {} : { result }), error })
    this.waiting.delete(id)
  }
  ask(method: string, params: object, sessionId?: string): Promise<NonNullable<Told['result']>> {
    const id = ++this.count
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        if (result === undefined) reject(new Error(`Chromium refuses ${method}: ${JSON.stringify(error)}`))
        else resolve(result)
      })
      this.socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
  }
  /** A page of its own; the session by which it is driven, and what it says. */
  async newPage(): Promise<{ readonly session: string; readonly said: Said; close(): Promise<unknown> }> {
    const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true })
    const said = new Said()
    this.pages.set(sessionId!, said)
    await this.ask('Runtime.enable', {}, sessionId)
    await this.ask('Page.navigate', { url: this.page }, sessionId)
    await said.wait(/^page ready$/m, 0)
    return { session: sessionId!, said, close: () => this.ask('Target.closeTarget', { targetId }) }
  }
}

const browsers = new WeakMap<DefaultServer, Promise<Chromium>>()

async function pagePeer(client: 'sipjs' | 'jssip', seat: Seat): Promise<Peer> {
  const { server, user, transport } = seat
  const opened = browsers.get(server) ?? Chromium.open(server)
  browsers.set(server, opened)
  const browser = await opened
  const { session, said } = await browser.newPage()
  const evaluate = (expression: string): void => {
    browser.ask('Runtime.evaluate', { expression }, session).catch((fault: unknown) => said.say(String(fault)))
  }
  const account = { server: `${transport}://${serverOf(seat)}`, user, password: passwordOf(user) }
  evaluate(`drive(${JSON.stringify(client)}, ${JSON.stringify(account)})`)
  const lines = {
    type: (line: string) => evaluate(`command(${JSON.stringify(line)})`),
    said: (pattern: RegExp, since: number) => said.wait(pattern, since),
  }
  const stop = async (): Promise<void> => {
    await said.wait(/^bye-bye$/m, 0)
  }
  return drivenPeer({ name: `Chromium ${client}/${transport}`, user, lines, stop, publishes: client === 'sipjs' })
}

export function chromiumSipJsPeer(seat: Seat): Promise<Peer> {
  return pagePeer('sipjs', seat)
}

export function chromiumJsSipPeer(seat: Seat): Promise<Peer> {
  return pagePeer('jssip', seat)
}
