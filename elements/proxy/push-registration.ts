/** Registration at Push servers by the proxy (SPEC §5.1): what a subscriber registers holds for his Push identifiers too. */
import type { Flow, Host, SipResponse } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { type ContactBinding, deviceOfBinding } from '../shared/state/contact-binding.ts'
import { InTurn } from '../shared/state/in-turn.ts'
import { leadsToStation } from '../shared/values/base-station.ts'
import type { Bindings } from './bindings.ts'
import { pushServersFor } from './notifiable.ts'
import type { ProxyRules } from './settings.ts'

/** A change of a subscriber's bindings by one REGISTER. */
interface RegisteredChange extends Pick<ContactBinding, 'callId' | 'cseq'> {
  readonly before: readonly ContactBinding[]
  readonly after: readonly ContactBinding[]
  readonly flow: Flow
  /** Name of the HSS for the credentials that it proved; undefined: nobody asked for any. */
  readonly credentials: string | undefined
}

/** A device of a subscriber, of which one Push server is to be told. */
interface ChangedDevice {
  readonly server: string
  readonly subscriber: string
  readonly device: string
  /** Its newest binding by that REGISTER, or the one that this took away. */
  readonly binding: ContactBinding
  readonly change: RegisteredChange
}

type HeaderField = readonly [name: string, value: string]

const patience = 2000 // milliseconds that the client's 200 waits for the Push servers
const pause = 2000 // milliseconds until a Push server that has not answered is asked again
const longestPause = 60_000
const copied = ['P-Associated-URI', 'Feature-Caps']

export class PushRegistration {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly bindings: Bindings
  /** By server, subscriber and device: what is to be told, since no final answer has come. */
  private readonly pending = new Map<string, ChangedDevice>()
  private readonly turns = new InTurn()
  private isStopped = false

  constructor(host: Host, rules: ProxyRules, bindings: Bindings) {
    this.host = host
    this.rules = rules
    this.bindings = bindings
    host.gauge('push_registrations_pending', () => this.pending.size)
  }
  stop(): void {
    this.isStopped = true
  }

  /** Header fields for the 200 to the client, once the Push servers have answered, or their time is over. */
  async register(record: SubscriberRecord, change: RegisteredChange): Promise<readonly HeaderField[]> {
    const { after, before } = change
    const came = after.filter((one) => !before.includes(one))
    const left = before.filter((one) => !after.includes(one))
    const devices = new Map([...left, ...came].map((binding) => [deviceOfBinding(binding), binding]))
    if (devices.size === 0) return []
    const answers = this.serversOf(record).map((server) => {
      const asked = [...devices].map(([device, binding]) =>
        this.tellUntilAnswered({ server, subscriber: record.id, device, binding, change }),
      )
      return this.inTime(Promise.all(asked))
    })
    const purr = came.at(-1)?.notification?.purr
    const fields = (await Promise.all(answers)).flatMap((responses): readonly HeaderField[] => {
      const response = responses?.includes(undefined) === true ? undefined : responses?.at(-1)
      if (response === undefined) return [['Warning', `399 ${this.host.name} "push not registered"`]]
      return copied.flatMap((name) => response.texts(name).map((value): HeaderField => [name, withPurrIn(name, value, purr)]))
    })
    return onceEach(fields)
  }

  /** Push servers of a subscriber; the first one gives him an identifier where he may have one and has none. */
  private serversOf(record: SubscriberRecord): readonly string[] {
    const { permissions, push = [] } = record
    const servers = pushServersFor(this.rules.push, record)
    const [first] = permissions.push === true && push.length === 0 ? this.rules.push : []
    return [...servers, ...(first === undefined ? [] : [first])].map(({ element }) => element)
  }

  /** Undefined: it takes longer. */
  private inTime<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.host.clock.after(patience, () => resolve(undefined))
      answer.then((response) => {
        timer.cancel()
        resolve(response)
      }, reject)
    })
  }

  /** One REGISTER at a time, each of the device as it is by then. Undefined: a newer REGISTER of the device is told instead. */
  private async tellUntilAnswered(changed: ChangedDevice): Promise<SipResponse | undefined> {
    const { device, server, subscriber } = changed
    const key = JSON.stringify([server, subscriber, device])
    const isPending = (): boolean => !this.isStopped && this.pending.get(key) === changed
    this.pending.set(key, changed)
    for (let wait = pause; isPending(); wait = Math.min(wait * 2, longestPause)) {
      const response = await this.turns.run(key, async () => (isPending() ? this.tell(changed) : undefined))
      if (response !== undefined && response.status !== 408 && response.status < 500) {
        if (isPending()) this.pending.delete(key)
        return response
      }
      if (isPending()) await new Promise<void>((resolve) => this.host.clock.after(wait, resolve))
    }
    return undefined
  }

  private tell({ binding, change, device, server, subscriber }: ChangedDevice): Promise<SipResponse> {
    const { host } = this
    const isThere = (one: ContactBinding): boolean =>
      one === binding || one.path !== undefined || host.flows.named(one.flow) !== undefined
    const bound = this.bindings.of(subscriber).findLast((one) => deviceOfBinding(one) === device && isThere(one))
    const { echo, expires, flow, notification, path } = bound ?? { ...binding, expires: 0 }
    const seconds = Math.max(0, Math.round((expires - host.clock.date()) / 1000))
    const way = bound === binding ? change.flow : (host.flows.named(flow) ?? change.flow)
    return host.send({
      method: 'REGISTER',
      to: subscriber,
      uri: `sip:${server}@${host.domains[0]}`,
      from: host.uri,
      asserted: subscriber,
      callId: change.callId,
      cseq: change.cseq,
      headers: [
        ...this.pathTo(path, way, subscriber).map((value): HeaderField => ['Path', value]),
        ['Contact', `${notification?.echo ?? echo};expires=${seconds}`],
        ...(change.credentials === undefined ? [] : [['P-Credentials-Id', change.credentials] as const]),
      ],
    })
  }
  /** Path of a device: by this proxy, where it is here or behind a base station. */
  private pathTo(path: readonly string[] | undefined, way: Flow, subscriber: string): readonly string[] {
    const { domains, flows, name } = this.host
    if (path === undefined) return [`<${flows.pathTo(name, way, subscriber)}>`]
    return leadsToStation(path[0], this.rules.stations) ? [`<sip:${name}@${domains[0]};lr>`, ...path] : path
  }
}

/** RFC 8599 §6.1.2: the device names its registration so in its dialogs. */
function withPurrIn(name: string, value: string, purr: string | undefined): string {
  return name === 'Feature-Caps' && purr !== undefined ? `${value};+sip.pnspurr="${purr}"` : value
}

/** Of several servers that wake by one provider the first is told. */
function onceEach(fields: readonly HeaderField[]): readonly HeaderField[] {
  const providers = new Set<string>()
  return fields.filter(([name, value]) => {
    const provider = name === 'Feature-Caps' ? /\+sip\.pns="([^"]*)"/.exec(value)?.[1] : undefined
    if (provider === undefined) return true
    const isNew = !providers.has(provider)
    providers.add(provider)
    return isNew
  })
}
