/**
 * Stacks without a user interface, inside small programs of ours that read a command a line and write an event a line:
 *
 * | command | answered by | what it does |
 * |---|---|---|
 * | `message USER TEXT` | `message STATUS` | MESSAGE |
 * | `watch EVENT USER TYPE` | `watch STATUS` | SUBSCRIBE; then `notify EVENT STATE BODY`, percent-encoded, for each NOTIFY |
 * | `unwatch EVENT USER` | `unwatch STATUS` | SUBSCRIBE with Expires 0 in that dialog |
 * | `publish TYPE BODY` | `publish STATUS` | PUBLISH for `presence` |
 * | `call USER` | `ringing`, `call STATUS` | INVITE |
 * | `cancel`, `bye` | `call 487`, `bye STATUS` | CANCEL, BYE |
 * | `answer` | `talking`, on the ACK | 200 to the INVITE that `called` told of |
 * | `quit` | its end, or `bye-bye` | REGISTER with Expires 0 |
 *
 * Unasked they say `register STATUS` once, `got TEXT`, `called`, `ended` (a BYE came) and `cancelled` (a CANCEL came).
 */
import { onceIdle } from '../../support/patience.ts'
import type { Running } from '../../support/process.ts'
import { literal, type Peer, type Phone, type Presence, timesIn } from './peer.ts'

/** A conversation in lines. */
export interface Lines {
  type(line: string): void
  /** Resolves with the match once a line after that offset of all that was said has it; rejects where none will. */
  said(pattern: RegExp, since: number): Promise<RegExpExecArray>
  /** All that was said; left out: it is not kept. */
  all?(): string
}

export interface Driven {
  readonly name: string
  readonly user: string
  readonly lines: Lines
  /** After `quit`. */
  stop(): Promise<void>
  /** False: its stack knows no PUBLISH. */
  readonly publishes?: boolean
}

/** The lines of somebody who is no process. */
export class Said {
  private text = ''
  private readonly watchers = new Set<() => void>()

  get all(): string {
    return this.text
  }
  say(line: string): void {
    this.text += `${line}\n`
    for (const watcher of this.watchers) watcher()
  }
  wait(pattern: RegExp, since: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.text.slice(since))
        if (match === null) return
        callOff()
        this.watchers.delete(look)
        resolve(match)
      }
      const callOff = onceIdle(() => reject(new Error(`nobody has said ${pattern}:\n${this.text}`)))
      this.watchers.add(look)
      look()
    })
  }
}

/** The conversation with a process. */
export function linesOf(process: Running): Lines {
  return { type: (line) => process.type(`${line}\n`), said: (pattern, since) => process.said(pattern, since) }
}

const pidf = 'application/pidf+xml'
const proximityList = 'application/vnd.proxima.proximity-list+json'

/** The document by which a peer says that it is there. */
export function hereIs(user: string): string {
  const tuple = '<tuple id="interop"><status><basic>open</basic></status></tuple>'
  return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${user}@localhost">${tuple}</presence>`
}

/** The peer that such a program is, once it has registered. */
export async function drivenPeer({ name, user, lines, stop, publishes = true }: Driven): Promise<Peer> {
  const happened = new Happened(lines)
  const done = async (command: string, line = command): Promise<void> => {
    lines.type(line)
    const status = await happened.next(`${command} (\\S+)`)
    if (!/^2\d\d$/.test(status)) throw new Error(`${name}: ${line} got ${status}`)
  }
  const presence: Presence = {
    async watch(whom) {
      await done('watch', `watch presence ${whom} ${pidf}`)
      await lines.said(new RegExp(`^notify presence active .*${encoded(`sip:${whom}@`)}.*$`, 'm'), 0)
    },
    async sees(whom) {
      await lines.said(new RegExp(`^notify presence active .*${encoded(`sip:${whom}@`)}.*${encoded('<basic>open<')}.*$`, 'm'), 0)
    },
    unwatch: (whom) => done('unwatch', `unwatch presence ${whom}`),
    ...(publishes ? { publish: () => done('publish', `publish ${pidf} ${hereIs(user)}`) } : {}),
  }
  const registered = await happened.next('register (\\S+)')
  if (registered !== '200') throw new Error(`${name}: register got ${registered}`)
  return {
    name,
    user,
    send: (to, text) => done('message', `message ${to} ${text}`),
    got: async (text) => {
      await lines.said(new RegExp(`^got ${literal(text)}$`, 'm'), 0)
    },
    ...(lines.all === undefined ? {} : { times: (text) => timesIn(lines.all!(), new RegExp(`^got ${literal(text)}$`, 'gm')) }),
    presence,
    async near() {
      await done('watch', `watch proximity ${user} ${proximityList}`)
      await happened.next(`notify proximity active (.*${encoded('"proximate":[]')}.*)`)
      await done('unwatch', `unwatch proximity ${user}`)
    },
    phone: phoneOf(lines, happened),
    async stop() {
      lines.type('quit')
      await stop()
    },
  }
}

function phoneOf(lines: Lines, happened: Happened): Phone {
  return {
    async call(to) {
      lines.type(`call ${to}`)
      await happened.next('(ringing)')
    },
    called: () => happened.one('called'),
    answer: () => lines.type('answer'),
    talking: () => happened.one('talking|call 200'),
    hangUp: () => lines.type('bye'),
    cancel: () => lines.type('cancel'),
    over: () => happened.one('ended|bye 200'),
    cancelled: () => happened.one('cancelled|call 487'),
  }
}

/** What was said, each line of a kind counted once. */
class Happened {
  private readonly lines: Lines
  private readonly seen = new Map<string, number>()

  constructor(lines: Lines) {
    this.lines = lines
  }
  async next(kind: string): Promise<string> {
    const count = this.seen.get(kind) ?? 0
    this.seen.set(kind, count + 1)
    const match = await this.lines.said(new RegExp(`(?:^(?:${kind})$[^]*?){${count}}^${kind}$`, 'm'), 0)
    return match.at(-1)!
  }
  async one(kind: string): Promise<void> {
    await this.next(`(${kind})`)
  }
}

function encoded(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    /[A-Za-z0-9]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}
