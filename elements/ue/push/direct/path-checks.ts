/**
 * Checks of one side, over all paths to the other at once (SPEC §5.7, as RFC 8445 §7). They open the NATs before both, find a
 * path that carries both ways, and see that it stays one (RFC 7675).
 */
import {
  answerCheck,
  bindingRequest,
  type CheckCredentials,
  type Clock,
  type HostPort,
  type Ids,
  readBindingAnswer,
  type Timer,
} from '../../../../signalling/index.ts'
import type { CheckSecret, DirectDescription } from './session-description.ts'

interface PathChecksParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly own: CheckSecret
  /** Addresses of ours: one of loopback reaches others there. */
  readonly hosts: readonly HostPort[]
  readonly peer: DirectDescription
  send(bytes: Buffer, to: HostPort): void
  /** A path has carried a check and its answer; told once. */
  found(path: HostPort): void
  /** There is none, or the one that was found carries nothing any more; told once. */
  failed(): void
}

const every = 50 // milliseconds between two checks of a path
const patience = 5_000 // milliseconds until a path has to be found
const consentEvery = 5_000 // milliseconds between checks of a path that was found, which keep the NATs open, too
const consentFor = 30_000 // milliseconds without an answer, after which the path is gone (RFC 7675 §5.1)
const mostPaths = 8
const mostToHost = 2 // of these: a stranger whose address is named gets no more
const mostReflexive = 4 // paths that only checks have shown
const mostAwaited = 2_000 // checks without an answer

export class PathChecks {
  private readonly parts: PathChecksParts
  private readonly asking: CheckCredentials
  private readonly asked: CheckCredentials
  private readonly paths: HostPort[]
  private readonly shown = new Set<string>()
  /** Transaction -> path. */
  private readonly awaited = new Map<string, string>()
  /** Addresses from which a check of ours was answered. */
  private readonly proven = new Set<string>()
  private path: HostPort | undefined
  private timer: Timer | undefined
  private end: number
  private isOver = false

  constructor(parts: PathChecksParts) {
    const { clock, own, peer } = parts
    this.parts = parts
    this.asking = { username: `${peer.secret.fragment}:${own.fragment}`, password: peer.secret.password }
    this.asked = { username: `${own.fragment}:${peer.secret.fragment}`, password: own.password }
    this.paths = pathsOf(parts)
    this.end = clock.now() + patience
  }
  start(): void {
    this.check()
  }
  stop(): void {
    this.isOver = true
    this.timer?.cancel()
  }
  /** Whether a datagram from there is of the other side. */
  isProven(from: HostPort): boolean {
    return this.proven.has(textOf(from))
  }

  private check(): void {
    const { clock } = this.parts
    if (clock.now() >= this.end) return this.fail()
    const paths = this.path === undefined ? this.paths : [this.path]
    for (const path of paths) this.send(path)
    this.timer = clock.after(this.path === undefined ? every : consentEvery, () => this.check())
  }
  private send(path: HostPort): void {
    const transaction = this.parts.ids.hex(12)
    this.awaited.set(transaction, textOf(path))
    if (this.awaited.size > mostAwaited) this.awaited.delete(this.awaited.keys().next().value!)
    this.parts.send(bindingRequest(Buffer.from(transaction, 'hex'), this.asking), path)
  }
  /** A STUN message; what is not of these checks changes nothing. */
  received(bytes: Buffer, from: HostPort): void {
    if (this.isOver) return
    const answer = answerCheck(bytes, from, this.asked)
    if (answer !== undefined) {
      this.parts.send(answer, from)
      return this.show(from)
    }
    const success = readBindingAnswer(bytes, this.asking.password)
    if (success === undefined || this.awaited.get(success.transaction) !== textOf(from)) return
    this.awaited.delete(success.transaction)
    this.proven.add(textOf(from))
    this.end = this.parts.clock.now() + consentFor
    if (this.path !== undefined) return
    this.path = from
    this.parts.found(from)
  }
  /** A path that no candidate named: the NAT of the other side has another address for us (RFC 8445 §7.3.1.3). */
  private show(from: HostPort): void {
    const name = textOf(from)
    if (this.path !== undefined || this.paths.some((path) => textOf(path) === name)) return
    if (this.shown.size >= mostReflexive) return
    this.shown.add(name)
    this.paths.push(from)
    this.send(from)
  }
  private fail(): void {
    this.stop()
    this.parts.failed()
  }
}

/** Paths to the other side, each once, few to one host. */
function pathsOf({ hosts, peer }: PathChecksParts): HostPort[] {
  const isNear = hosts.some(({ host }) => isLoopback(host))
  const paths: HostPort[] = []
  for (const path of [...peer.hosts, ...peer.reflexive]) {
    const toHost = paths.filter(({ host }) => host === path.host)
    if (paths.length >= mostPaths || toHost.length >= mostToHost || toHost.some(({ port }) => port === path.port)) continue
    if (isNear || !isLoopback(path.host)) paths.push(path)
  }
  return paths
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}

function textOf({ host, port }: HostPort): string {
  return `${host} ${port}`
}
