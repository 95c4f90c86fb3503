/**
 * The generator of `match`, which sipp cannot be since a report needs the codes of the round: a process with two raw sockets,
 * one of devices that report what they heard, one of subscribers to those devices' proximate lists. Commands and results by IPC.
 *
 * Each device hears `hears` others, one in a report, so that its list grows from none to that; before the next round all is lost
 * again. Messages are built before a round begins.
 */
import { createSocket, type Socket } from 'node:dgram'

export type MatchCommand =
  | { readonly do: 'open'; readonly target: number }
  | { readonly do: 'prepare' | 'load'; readonly rate: number; readonly seconds: number }

export interface MatchResult {
  /** Reports sent, accepted, refused; NOTIFYs got for them. */
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly notified: number
  /** Seconds from the first report to the last NOTIFY. */
  readonly seconds: number
  /** Milliseconds from a report to its NOTIFY. */
  readonly p50: number
  readonly p99: number
}

interface Device {
  readonly user: string
  code: string
  /** Whether its list has been told. */
  watched: boolean
  /** When its last report left; 0 once that was answered by a NOTIFY. */
  reported: number
}

const hears = 8
const domain = 'sip.test'
const devices: Device[] = []
const heard = new Map<Device, string[]>()
const latencies: number[] = []
let round: Buffer[] = []
let reporters: Socket
let watchers: Socket
let target = 0
let serial = 0
let [accepted, refused, lastNotify] = [0, 0, 0]

const now = (): number => performance.now()
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Asking {
  readonly method: string
  readonly uri: string
  readonly from: string
  readonly call: string
  readonly port: number
  readonly lines: readonly string[]
  readonly body?: string
}

function build({ method, uri, from, call, port, lines, body = '' }: Asking): Buffer {
  const own = `127.0.0.1:${port}`
  return Buffer.from(
    [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${own};branch=z9hG4bK-${++serial}-${process.pid}`,
      'Max-Forwards: 70',
      `From: <sip:${from}@${domain}>;tag=${from}`,
      `To: <${uri}>`,
      `Call-ID: ${call}`,
      `CSeq: 1 ${method}`,
      ...lines,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
    'latin1',
  )
}

function report({ user }: Device, heardCodes: readonly string[], lost: readonly string[]): Buffer {
  const at = new Date().toISOString()
  const body = JSON.stringify({ heard: heardCodes.map((code) => ({ code, at, rssi: -60 })), ...(lost.length > 0 && { lost }) })
  const lines = ['Content-Type: application/vnd.proxima.prose-match+json']
  const { port } = reporters.address()
  return build({ method: 'MESSAGE', uri: `sip:prose@${domain}`, from: user, call: `m${++serial}`, port, lines, body })
}

/** `prose` by a device, or `proximity` by whoever watches it; the Call-ID says for whom. */
function subscribe(index: number, event: 'prose' | 'proximity'): void {
  const { user } = devices[index]!
  const socket = event === 'prose' ? reporters : watchers
  const { port } = socket.address()
  const type = event === 'prose' ? 'prose-state' : 'proximity-list'
  const lines = [
    `Contact: <sip:${user}@127.0.0.1:${port}>`,
    `Event: ${event}`,
    `Accept: application/vnd.proxima.${type}+json`,
    'Expires: 3600',
  ]
  const call = `${event}-${index}-${++serial}`
  send(socket, build({ method: 'SUBSCRIBE', uri: `sip:prose@${domain}`, from: user, call, port, lines }))
}

function send(socket: Socket, message: Buffer): void {
  socket.send(message, 0, message.length, target, '127.0.0.1')
}

/** Those lines of a request that its response repeats (RFC 3261 §8.2.6.2). */
function answer(socket: Socket, request: string): void {
  const head = request.slice(0, request.indexOf('\r\n\r\n'))
  const kept = head.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/i.test(line))
  send(socket, Buffer.from(`SIP/2.0 200 OK\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1'))
}

function atReporters(message: Buffer): void {
  const text = message.toString('latin1')
  if (text.startsWith('SIP/2.0 ')) {
    if (!/^CSeq: *[0-9]+ MESSAGE/im.test(text)) return
    if (text.startsWith('200', 8)) accepted++
    else refused++
    return
  }
  answer(reporters, text)
  const device = addressee(text)
  const code = /"code":"([0-9a-f]+)"/.exec(text)?.[1]
  if (device !== undefined && code !== undefined) device.code = code
}

function atWatchers(message: Buffer): void {
  const text = message.toString('latin1')
  if (text.startsWith('SIP/2.0 ')) return
  const at = now()
  answer(watchers, text)
  const device = addressee(text)
  if (device === undefined) return
  device.watched = true
  if (device.reported === 0) return
  latencies.push(at - device.reported)
  device.reported = 0
  lastNotify = at
}

function addressee(text: string): Device | undefined {
  const index = /^Call-ID: *[a-z]+-([0-9]+)-/im.exec(text)?.[1]
  return index === undefined ? undefined : devices[Number(index)]
}

function bind(onMessage: (message: Buffer) => void): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 4 << 20,
      sendBufferSize: 4 << 20,
      lookup: (host, _options, done) => done(null, host, 4), // an address as it is
    })
    socket.on('message', onMessage)
    socket.bind(0, '127.0.0.1', () => resolve(socket))
  })
}

/** Calls `step` for each of 0 … count − 1, spread evenly. */
async function paced(count: number, rate: number, step: (index: number) => void): Promise<void> {
  const start = now()
  for (let index = 0; index < count; ) {
    const due = Math.min(count, Math.ceil(((now() - start) / 1000) * rate))
    for (let burst = 0; index < due && burst < 200; burst++) step(index++)
    await (index < due ? new Promise<void>((resolve) => setImmediate(resolve)) : pause(1))
  }
}

/** Repeats `ask` for those of which `done` is not true yet, until it is. */
async function insist(
  first: number,
  what: string,
  ask: (index: number) => void,
  done: (device: Device) => boolean,
): Promise<void> {
  let open = devices.map((_, index) => index).slice(first)
  for (let attempt = 0; open.length > 0; attempt++) {
    if (attempt === 8) throw new Error(`${open.length} devices got no ${what}`)
    const asking = open
    await paced(asking.length, 1500, (index) => ask(asking[index]!))
    for (let waited = 0; waited < 1000 && open.length > 0; waited += 20) {
      await pause(20)
      open = open.filter((index) => !done(devices[index]!))
    }
  }
}

/** As many subscribed devices as the round needs, nobody near anybody, and the round's reports built. */
async function prepare(rate: number, seconds: number): Promise<void> {
  const count = Math.round(rate * seconds)
  const needed = Math.max(hears + 1, Math.ceil(count / hears))
  const first = devices.length
  for (let index = first; index < needed; index++) {
    devices.push({ user: `d${index}`, code: '', watched: false, reported: 0 })
  }
  await insist(
    first,
    'code',
    (index) => subscribe(index, 'prose'),
    ({ code }) => code !== '',
  )
  await insist(
    first,
    'list',
    (index) => subscribe(index, 'proximity'),
    ({ watched }) => watched,
  )
  const near = [...heard]
  await paced(near.length, 1000, (index) => send(reporters, report(near[index]![0], [], near[index]![1])))
  await pause(500)
  heard.clear()
  for (const device of devices) device.reported = 0
  round = []
  for (let index = 0; index < count; index++) {
    const device = devices[index % needed]!
    const { code } = devices[(index + 1 + Math.floor(index / needed)) % needed]!
    round.push(report(device, [code], []))
    const codes = heard.get(device)
    if (codes === undefined) heard.set(device, [code])
    else codes.push(code)
  }
}

async function load(rate: number): Promise<MatchResult> {
  ;[accepted, refused] = [0, 0]
  latencies.length = 0
  const needed = Math.max(hears + 1, Math.ceil(round.length / hears))
  const start = (lastNotify = now())
  await paced(round.length, rate, (index) => {
    devices[index % needed]!.reported = now()
    send(reporters, round[index]!)
  })
  for (let waited = 0; waited < 3000 && (accepted + refused < round.length || latencies.length < round.length); waited += 20)
    await pause(20)
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  const seconds = (lastNotify - start) / 1000
  const notified = sorted.length
  return { sent: round.length, accepted, refused, notified, seconds, p50: at(0.5), p99: at(0.99) }
}

async function obey(command: MatchCommand): Promise<unknown> {
  switch (command.do) {
    case 'open':
      target = command.target
      ;[reporters, watchers] = await Promise.all([bind(atReporters), bind(atWatchers)])
      return [reporters.address().port, watchers.address().port]
    case 'prepare':
      return prepare(command.rate, command.seconds)
    case 'load':
      return load(command.rate)
  }
}

process.on('message', (command: MatchCommand) => {
  obey(command).then(
    (result) => process.send!({ result }),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
