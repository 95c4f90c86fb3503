/** `proxima ue`: user equipment in the terminal. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Position } from '../../../elements/air/index.ts'
import {
  type AgentResponse,
  ApplicationClient,
  type MoLrClient,
  Ue,
  type UeEvent,
  type UeRole,
} from '../../../elements/ue/index.ts'
import { type Clock, type HostPort, printHostPort, RealClock, randomIds } from '../../../signalling/index.ts'
import { userOf } from '../../network/dialplan.ts'
import { knownLabPassword } from '../../running/lab-password.ts'
import { readPlace } from '../support/arguments.ts'
import { logLevelOption, openLog } from '../support/logging.ts'
import { say } from '../support/output.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { engineAgent, sipJsAgent, type UeTransport, uePorts } from './agent.ts'
import { openAir } from './air.ts'
import { type UeLineEvent, UeLines } from './lines.ts'
import { isLocated, locate, moLrClient, readService } from './location.ts'
import { readOutgoingFile, sendFile } from './push/files.ts'
import { openPush } from './push/index.ts'
import { addPushOptions, type PushCommandOptions } from './push/options.ts'
import { isPassing, registerUe } from './registration.ts'
import { isTaken, readTextMessage, sendText } from './text-message.ts'
import { checkWhereabouts, follow, readCircle, type ToldWhereabouts, type WhereaboutsOptions } from './whereabouts.ts'

interface UeCommandOptions extends PushCommandOptions, WhereaboutsOptions {
  readonly server?: HostPort
  readonly transport?: UeTransport
  readonly password?: string
  readonly data?: string
  readonly domain: string
  readonly discoverable?: boolean
  readonly discover?: boolean
  readonly at?: Position
  readonly near?: boolean
  readonly peers?: readonly string[]
  readonly wake?: boolean
  readonly pair?: string
  readonly message?: readonly string[]
  readonly prose?: string
  readonly period?: number
  readonly mme?: string
  readonly station?: string
  readonly locate?: string | true
  readonly core?: string
  readonly circuitSwitched?: boolean
  readonly application?: string
  readonly user?: string
  readonly secret?: string
  readonly air: HostPort | false
  readonly airOn?: string
  readonly json?: boolean
  readonly for?: number
  readonly logLevel: string
}

const examples = `
Examples:
  $ proxima ue alice --discoverable --discover --at 52.5200,13.4050
  $ proxima ue alice --discoverable --discover --application org.example.nearby
  $ proxima ue bob --near --peers alice,carol --period 10 --json
  $ proxima ue alice --message bob 'hello there'
  $ proxima ue alice --message sip:bob@localhost 'hello there' --for 5    # and show what comes back meanwhile
  $ proxima ue carol --push                              # what comes is shown, or opened after a question
  $ proxima ue bob --send carol picture.png
  $ proxima ue bob --talk carol                          # with carol's --push: what both type is said directly
  $ proxima ue sip:alice@home.example --locate maps/map  # where it is, and what that service makes of it
  $ proxima ue sip:bob@home.example --where alice --moved 500
  $ proxima ue sip:carol@example.com --server 192.0.2.1:5060 --transport tcp --password secret`

export function ueCommand(): Command {
  const command = new Command('ue')
    .description('run user equipment in the terminal: register, announce, listen, hear who is near')
    .argument('<user>', 'a subscriber: alice, or sip:alice@localhost')
    .option('--discoverable', 'ask to be discovered: announce the code that the server gives')
    .option('--discover', 'ask to discover: listen, report what is heard, and tell who is near')
    .option('--at <place>', 'where it stands, as latitude,longitude; without: within hearing of everybody', readPosition)
    .option('--near', 'tell who is near, now and as it changes; --discover does so too')
    .option('--peers <users>', 'tell of these only, e.g. bob,carol', (text) => text.split(',').filter((name) => name !== ''))
    .option('--wake', 'with --peers: have them announce while you ask')
    .option('--pair <user>', 'tell once whether that one is near, e.g. bob')
    .option('--message <user-and-text...>', "send that one a text, e.g. bob 'hello there'; ends then, unless it has more to do")
    .option('--period <seconds>', 'be told at least so often, changed or not', readSeconds)
    .option(
      '--application <id>',
      'become a user of it with no human step, and tell which users are near, e.g. org.example.nearby',
    )
    .option('--user <id>', 'with --application: be this user of it, and not the one of your own name')
    .option('--secret <text>', 'with --user: what proves that you are')
    .option('--prose <uri>', 'ask this proximity server, e.g. sip:prose-2@localhost', readUri)
    .option('--mme <uri>', 'attach to this MME and go through it, e.g. sip:mme@localhost', readUri)
    .option('--station <name>', 'attach through this base station, which is at --server, e.g. ran1', readStation)
    .option(
      '--locate [client/service]',
      'ask where it is, for itself or for that service, e.g. maps/map; ends then, unless it has more to do',
    )
    .option('--core <uri>', 'with --locate: ask this element (default: sip:sgsn@<domain>)', readUri)
    .option('--circuit-switched', 'with --locate: --core is an MSC (default then: sip:msc@<domain>)')
    .option('--where <user>', 'ask where that one is, once, e.g. alice; or with one of these three:')
    .option('--each <seconds>', 'with --where: each time when so long is over', readSeconds)
    .option('--moved <metres>', 'with --where: each time when it has moved so far', readMetres)
    .option('--in <place>', 'with --where: when it enters or leaves that circle, latitude,longitude,metres', readCircle)
    .option('--server <host:port>', 'SIP server (default: 127.0.0.1:5060, for ws 127.0.0.1:8060)', readPlace)
    .addOption(
      new Option('--transport <name>', 'how to reach it (default: udp, with --push and --send tcp)').choices([
        'udp',
        'tcp',
        'ws',
      ]),
    )
    .option('--password <text>', 'default: PROXIMA_LAB_PASSWORD, else that of the demo subscribers, <user>-proxima')
    .option('--data <folder>', 'take the password from here: the data folder of a server whose dialplan has labPassword')
    .option('--domain <name>', 'domain of a user given by name alone', 'localhost')
    .option('--air <group:port>', 'multicast group that is the air; none: hear nobody', readAir, {
      host: '239.255.77.7',
      port: 7707,
    })
    .option('--air-on <network>', 'interface or own address whose network is the air, e.g. eth0 (default: this machine alone)')
  return addPushOptions(command)
    .option('--json', 'a line of JSON for everything that happens')
    .option('--for <seconds>', 'end after so long', readSeconds)
    .addOption(logLevelOption('error'))
    .addHelpText('after', examples)
    .action(run)
}

async function run(user: string, options: UeCommandOptions): Promise<void> {
  checkTogether(options)
  const outgoing = options.message && readTextMessage(options.message)
  const located = options.locate === undefined ? undefined : readService(options.locate)
  const log = await openLog(options.logLevel)
  const clock = new RealClock((fault) => log.error({ err: fault }, 'fault in a timer'))
  const isPush = options.push === true || (options.send ?? options.talk) !== undefined
  const { transport = isPush ? 'tcp' : 'udp' } = options
  const server = options.server ?? { host: '127.0.0.1', port: uePorts[transport].port }
  const lines = new UeLines(options.json === true, say, () => clock.date())
  const ids = randomIds()
  const identity = identityOf(user, options.domain)
  const password = options.password ?? knownLabPassword(options.data, process.env) ?? `${userOf(identity)}-proxima`
  const file = options.send && readOutgoingFile(options.send)
  const parts = { identity, password, clock, ids, log, server, transport, station: options.station }
  const onEngine = isPush ? await engineAgent(parts) : undefined
  const own = onEngine ?? sipJsAgent(parts)
  const { agent } = own
  let client: ApplicationClient | undefined
  let moLr: MoLrClient | undefined
  agent.onMessage((message) => {
    if (client?.awaits(message) === true || moLr?.awaits(message) === true) return // its answer is told by its outcome
    const { from, contentType: type, body } = message
    const inReplyTo = message.text('In-Reply-To')?.trim()
    lines.tell({ kind: 'message', from, type, text: body.toString('utf8'), ...(inReplyTo === undefined ? {} : { inReplyTo }) })
  })
  const { air: group, airOn: network, at } = options
  const air = group === false ? undefined : await openAir({ group, network, at, clock, log })
  let why = ''
  const onEvent = (event: UeEvent): void => {
    if (event.kind === 'ended' && event.why !== '') why = `; the server says: ${event.why}`
    lines.tell(event)
  }
  const push = onEngine && (await openPush({ agent: onEngine.agent, clock, ids, lines, log, options, server: onEngine.server }))
  const ue = new Ue({ agent, clock, air, mme: options.mme, prose: options.prose, onEvent })
  const stopped = untilStopped(options.for, clock)
  const isAlone = isMessageAlone(options)
  let code = 0
  try {
    const register = (): Promise<AgentResponse> => (push === undefined ? agent.register() : push.client.register())
    await registerUe(ue, printHostPort(server), transport, clock, lines, register)
    if (options.mme !== undefined) await attach(ue, options.mme)
    await serve(ue, options, lines, () => why)
    if (options.pair !== undefined) await askPair(ue, identityOf(options.pair, domainOf(ue)), lines)
    if (options.application !== undefined) {
      client = new ApplicationClient({ agent, clock, application: options.application, attached: ue, prose: options.prose })
      await join(ue, client, options.application, options, lines)
    }
    if (outgoing !== undefined) {
      const sent = await sendText(agent, identityOf(outgoing.to, domainOf(ue)), outgoing.text)
      lines.tell({ kind: 'sent', ...sent })
      if (isAlone && !isTaken(sent)) code = 1
    }
    if (located !== undefined) {
      moLr = moLrClient(agent, clock, options, domainOf(ue))
      const outcome = await locate(moLr, located)
      lines.tell({ kind: 'located', ...outcome })
      if (isAlone && !isLocated(outcome)) code = 1
    }
    if (options.where !== undefined) {
      const target = identityOf(options.where, domainOf(ue))
      const tell = (heard: ToldWhereabouts): void => lines.tell({ kind: 'whereabouts', ...heard })
      if (!(await follow({ agent, target, options, tell, stopped })) && isAlone) code = 1
    }
    if (push !== undefined && file !== undefined) {
      const sent = await sendFile(push.client, file, (name) => identityOf(name, domainOf(ue)))
      lines.tell({ kind: 'sent', ...sent })
      if (isAlone && !isTaken(sent)) code = 1
    }
    if (options.talk !== undefined) {
      const over = push?.talks?.call(options.talk, (name) => identityOf(name, domainOf(ue)))
      const isReached = await Promise.race([over, stopped.then(() => true)])
      if (isAlone && isReached === false) code = 1
    }
    if (!isAlone || (options.for !== undefined && (options.talk ?? options.where) === undefined)) await stopped
  } finally {
    lines.quiet = true // the effects of leaving are no news
    await push?.close()
    await ue.stop()
    await own.close()
    air?.close()
  }
  lines.quiet = false
  lines.tell({ kind: 'stopped' })
  process.exit(code)
}

/** Whether to send, to locate or to talk is its only task: its outcome is that of the command. */
function isMessageAlone(options: UeCommandOptions): boolean {
  const { message, send, discoverable, discover, near, peers, pair, application, push, talk, locate: place, where } = options
  return (
    (message ?? send ?? talk ?? place ?? where) !== undefined &&
    (discoverable ?? discover ?? near ?? peers ?? pair ?? application ?? push) === undefined
  )
}

/** Nobody there serves the proximity service. */
function isNobody(granted: unknown): boolean {
  return granted === 404 || granted === 480 || granted === 489
}

async function attach(ue: Ue, mme: string): Promise<void> {
  const temporary = await ue.attach()
  if (typeof temporary === 'number')
    throw new CommandRefusal(`${ue.device} cannot attach to ${mme} (${temporary}); expected an element of role mme, see --mme`)
}

/** Asks for the roles, and who is near. */
async function serve(ue: Ue, options: UeCommandOptions, lines: UeLines, why: () => string): Promise<void> {
  const roles: UeRole[] = []
  if (options.discoverable === true) roles.push('discoverable')
  if (options.discover === true) roles.push('discoverer')
  if (roles.length > 0) {
    const granted = await ue.requestProximity(roles)
    if (options.prose !== undefined && isNobody(granted))
      throw new CommandRefusal(
        `${options.prose} is no proximity server (${granted}); expected an element of role prose, see --prose`,
      )
    if (typeof granted === 'number') {
      const wanted = `${options.discover ? '--discover' : ''}${roles.length > 1 ? ' or ' : ''}${options.discoverable ? '--discoverable' : ''}`
      throw new CommandRefusal(
        isPassing(granted)
          ? `${ue.device} cannot be given ${wanted} now (${granted}); try again, or look at the server's log${why()}`
          : `${ue.device} has no permission for ${wanted} (${granted}); its subscriber record gives it${why()}`,
      )
    }
  }
  if (options.discover !== true && options.near !== true && options.peers === undefined) return
  const { peers, period, wake } = options
  ue.watch(
    {
      ...(peers === undefined ? {} : { peers: peers.map((name) => identityOf(name, domainOf(ue))) }),
      ...(wake === true ? { wake } : {}),
      ...(period === undefined ? {} : { period }),
    },
    (change) => lines.tell({ kind: 'near', ...change } satisfies UeLineEvent),
    (status, why) => lines.tell({ kind: 'near-ended', status, why }),
  )
}

/** Whether one device is near (FIG 4). */
async function askPair(ue: Ue, peer: string, lines: UeLines): Promise<void> {
  const near = await ue.isNear(peer)
  if (typeof near === 'number')
    throw new CommandRefusal(`${ue.device} is not told whether ${peer} is near (${near}); expected a device that may discover`)
  lines.tell({ kind: 'pair', peer, near })
}

/** Options that need another one. */
function checkTogether(options: UeCommandOptions): void {
  const { user, secret, application, wake, peers, push, program, http, locate, core, circuitSwitched } = options
  if (program !== undefined && push !== true) throw new CommandRefusal('--program goes with --push; add that, or leave it out')
  if (http !== undefined && program === undefined)
    throw new CommandRefusal('--http goes with --program <id=url>: say which application posts there')
  if (application === undefined && (user ?? secret) !== undefined)
    throw new CommandRefusal('--user and --secret go with --application <id>; add that, or leave them out')
  if (locate === undefined && (core !== undefined || circuitSwitched === true))
    throw new CommandRefusal('--core and --circuit-switched go with --locate; add that, or leave them out')
  checkWhereabouts(options)
  if (wake === true && peers === undefined) throw new CommandRefusal('--wake goes with --peers <users>: say whom to wake')
}

function domainOf({ device }: Ue): string {
  return device.split('@')[1]!
}

/** Becomes a user of the application by the device alone (SPEC §4), and is told which users are near (§3.5). */
async function join(
  ue: Ue,
  client: ApplicationClient,
  application: string,
  { peers, user: name, secret }: UeCommandOptions,
  lines: UeLines,
): Promise<void> {
  const { device } = ue
  const user = name === undefined ? device : name
  const friends = peers?.map((peer) => (name === undefined ? identityOf(peer, domainOf(ue)) : peer))
  const { cause } = await client.registerAutomatically({ friends, user, secret })
  if (cause !== undefined) {
    const expected = `an application that a server serves${name === undefined ? '' : ', and the --secret of that user'}`
    const wanted = name === undefined ? 'a user' : `user ${user}`
    throw new CommandRefusal(`${device} cannot become ${wanted} of ${application} (${cause}); expected ${expected}`)
  }
  lines.tell({ kind: 'user', user, application })
  let before: readonly string[] = []
  client.watch(
    (proximate) => {
      const now = proximate.map(({ user }) => user)
      const came = now.filter((user) => !before.includes(user))
      const left = before.filter((user) => !now.includes(user))
      before = now
      lines.tell({ kind: 'users', came, left, proximate })
    },
    (status, why) => lines.tell({ kind: 'near-ended', status, why }),
  )
}

/** Resolves at Ctrl-C, SIGTERM or the end of its time; a second Ctrl-C ends at once. */
function untilStopped(seconds: number | undefined, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false
    const stop = (): void => {
      if (isStopping) process.exit(0)
      isStopping = true
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    if (seconds !== undefined) clock.after(seconds * 1000, resolve)
  })
}

function identityOf(user: string, domain: string): string {
  if (user.startsWith('sip:') && user.includes('@')) return user
  if (!/^[A-Za-z0-9._+-]+$/.test(user)) throw new CommandRefusal(`'${user}' is no user; expected a name or sip:name@domain`)
  return `sip:${user}@${domain}`
}

function readPosition(text: string): Position {
  const match = /^(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$/.exec(text)
  const [latitude, longitude] = [Number(match?.[1]), Number(match?.[2])]
  if (match === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180)
    throw new InvalidArgumentError('Expected latitude,longitude in degrees, such as 52.5200,13.4050.')
  return { latitude, longitude }
}

function readMetres(text: string): number {
  const metres = Number(text)
  if (!(metres >= 1 && metres <= 1e7)) throw new InvalidArgumentError('Expected metres, 1 or more.')
  return metres
}

function readSeconds(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0 && seconds < 1e8)) throw new InvalidArgumentError('Expected seconds, more than 0.')
  return seconds
}

function readUri(text: string): string {
  if (!/^sips?:[^\s<>@;]+@[^\s<>@;]+$/.test(text)) throw new InvalidArgumentError('Expected a URI such as sip:mme@localhost.')
  return text
}

function readStation(text: string): string {
  if (!/^[\w-]+$/.test(text)) throw new InvalidArgumentError('Expected the name of an element, such as ran1.')
  return text
}

function readAir(text: string): HostPort | false {
  return text === 'none' ? false : readPlace(text)
}
