/**
 * A real medium: everyone on the link hears, so two machines of a local network discover each other. It carries
 * JSON, one frame a message:
 *   { "beacons": [{ "code", "key" }, …] }      each period, by an announcer; the key is new with every code.
 *   { "challenge": { "code", "nonce" } }       by a listener, for a code that nobody has confirmed to it.
 *   { "answer": { "code", "nonce", "proof" } } by the announcer; proof = HMAC-SHA-256(key, nonce|code).
 * A right answer shows that the announcer is there now and hears us too: no recording, no one-way echo. It does not
 * show who it is. Only the proximity server knows that a code is its device's (SPEC §7).
 */
import type { Clock, Ids, Timer } from '../../signalling/index.ts'
import { SetIndex } from '../shared/state/set-index.ts'
import type { HeardBroadcast } from '../shared/values/heard.ts'
import type { Air } from './air.ts'

/** Carries frames to everybody on the link, oneself included; may lose and repeat them. */
export interface AirLink {
  send(bytes: Uint8Array): void
  onMessage(listener: (bytes: Uint8Array) => void): void
  close?(): void
}

export interface MulticastAirOptions {
  readonly link: AirLink
  readonly clock: Clock
  readonly ids: Ids
  /** HMAC-SHA-256 of `text`, `length` base64url characters of it: `signalling/ids.ts` has it. */
  readonly seal: (key: string, text: string, length: number) => string
  /** Milliseconds between beacons. Default 1000. */
  readonly period?: number
  /** dBm reported for every code: a wire has no distance. Default -50. */
  readonly rssi?: number
}

interface AnnouncedCode {
  readonly code: string
  readonly key: string
}

/** A code of somebody else, as this end of the link knows it. */
interface KnownCode {
  readonly key: string
  lastHeard: number
  confirmed: boolean
  nonce: string | undefined
}

const beaconsInFrame = 10 // some 1,100 bytes: one datagram on any network
const knownMost = 10_000
const proofLength = 43
const hexCode = /^[0-9a-f]{46}$/
const token = /^[\w-]{1,64}$/

export function multicastAir(options: MulticastAirOptions): Air {
  return new LinkAir(options)
}

class LinkAir implements Air {
  private readonly options: MulticastAirOptions
  private readonly period: number
  private readonly rssi: number
  private readonly announced = new Map<string, AnnouncedCode>()
  private readonly byCode = new Map<string, string>()
  private readonly listeners = new SetIndex<string, (heard: HeardBroadcast) => void>()
  private readonly known = new Map<string, KnownCode>()
  private timer: Timer | undefined
  private closed = false

  constructor(options: MulticastAirOptions) {
    this.options = options
    this.period = options.period ?? 1000
    this.rssi = options.rssi ?? -50
    options.link.onMessage((bytes) => {
      if (!this.closed) this.received(bytes)
    })
  }

  announce(device: string, code: string | undefined): void {
    if (this.closed) return
    const before = this.announced.get(device)
    if (before?.code === code) return
    if (before !== undefined) this.byCode.delete(before.code)
    this.announced.delete(device)
    if (code === undefined) return
    this.announced.set(device, { code, key: this.options.ids.token(22) })
    this.byCode.set(code, device)
    this.arm()
  }

  hear(device: string, listener: (heard: HeardBroadcast) => void): () => void {
    const ownListener = (heard: HeardBroadcast): void => listener(heard) // the same listener may be given twice
    this.listeners.add(device, ownListener)
    return () => this.listeners.delete(device, ownListener)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.announced.clear()
    this.listeners.clear()
    this.known.clear()
    this.options.link.close?.()
  }

  private arm(): void {
    if (this.timer?.running || this.announced.size === 0 || this.closed) return
    this.timer = this.options.clock.after(this.period, () => {
      this.timer = undefined
      this.arm()
      const beacons = [...this.announced.values()]
      for (let i = 0; i < beacons.length; i += beaconsInFrame) this.send({ beacons: beacons.slice(i, i + beaconsInFrame) })
    })
  }

  private send(frame: object): void {
    this.options.link.send(Buffer.from(JSON.stringify(frame)))
  }

  /** Handles bytes from the link; all that is no frame is noise. */
  private received(bytes: Uint8Array): void {
    const frame = parse(bytes)
    if (frame === undefined) return
    const { beacons, challenge, answer } = frame
    if (Array.isArray(beacons))
      for (const beacon of beacons.slice(0, beaconsInFrame)) this.beacon(beacon as Partial<AnnouncedCode>)
    else if (isObject(challenge)) this.challenged(challenge['code'], challenge['nonce'])
    else if (isObject(answer)) this.confirmByAnswer(answer['code'], answer['nonce'], answer['proof'])
  }

  private beacon(beacon: Partial<AnnouncedCode> | null): void {
    const { code, key } = beacon ?? {}
    if (!is(code, hexCode) || !is(key, token) || this.listeners.size === 0) return
    const at = this.options.clock.date()
    const entry = this.know(code, key, at)
    entry.lastHeard = at
    this.tell(code, entry)
    if (entry.confirmed) return
    entry.nonce = this.options.ids.token(16)
    this.send({ challenge: { code, nonce: entry.nonce } })
  }

  private know(code: string, key: string, at: number): KnownCode {
    let entry = this.known.get(code)
    if (entry === undefined || entry.key !== key) {
      // another key: somebody else says the same code; nothing is confirmed any more
      entry = { key, lastHeard: at, confirmed: false, nonce: undefined }
      this.known.delete(code)
      this.known.set(code, entry)
      if (this.known.size > knownMost) this.known.delete(this.known.keys().next().value!)
    }
    return entry
  }

  private challenged(code: unknown, nonce: unknown): void {
    if (!is(code, hexCode) || !is(nonce, token)) return
    const announcedCode = this.announced.get(this.byCode.get(code) ?? '')
    if (announcedCode === undefined) return
    this.send({ answer: { code, nonce, proof: this.options.seal(announcedCode.key, `${nonce}|${code}`, proofLength) } })
  }

  private confirmByAnswer(code: unknown, nonce: unknown, proof: unknown): void {
    if (!is(code, hexCode) || !is(nonce, token)) return
    const entry = this.known.get(code)
    if (entry === undefined || entry.nonce !== nonce) return
    if (proof !== this.options.seal(entry.key, `${nonce}|${code}`, proofLength)) return
    entry.nonce = undefined
    entry.confirmed = true
    this.tell(code, entry)
  }

  private tell(code: string, { confirmed, lastHeard }: KnownCode): void {
    const announcer = this.byCode.get(code)
    const broadcast: HeardBroadcast = { code, rssi: this.rssi, at: lastHeard, confirmed }
    for (const device of [...this.listeners.keys()]) {
      if (device === announcer) continue
      for (const listener of [...this.listeners.of(device)]) listener(broadcast)
    }
  }
}

function parse(bytes: Uint8Array): { readonly [member: string]: unknown } | undefined {
  try {
    const frame: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return isObject(frame) ? frame : undefined
  } catch {
    return undefined // noise on the link
  }
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function is(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}
