/** Registration at Push servers by the proxy (SPEC §5.1): what a subscriber registers holds for his Push identifiers too. */
import type { Flow, Host, SipResponse } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { hasFlags } from '../shared/identifiers/push.ts'
import type { ContactBinding } from '../shared/state/contact-binding.ts'
import type { ProxyRules } from './settings.ts'

/** A change of a subscriber's bindings by one REGISTER. */
interface RegisteredChange {
  readonly before: readonly ContactBinding[]
  readonly after: readonly ContactBinding[]
  readonly flow: Flow
}

type HeaderField = readonly [name: string, value: string]

const patience = 2000 // milliseconds that the client's 200 waits for the Push servers
const pause = 2000 // milliseconds until a Push server that has not answered is asked again
const longestPause = 60_000
const copied = ['P-Associated-URI', 'Feature-Caps']

export class PushRegistration {
  private readonly host: Host
  private readonly rules: ProxyRules

  constructor(host: Host, rules: ProxyRules) {
    this.host = host
    this.rules = rules
  }

  /** Header fields for the 200 to the client, once the Push servers have answered, or their time is over. */
  async register(record: SubscriberRecord, change: RegisteredChange): Promise<readonly HeaderField[]> {
    const servers = this.serversOf(record)
    const { after, before } = change
    if (servers.length === 0 || (after.every((one) => before.includes(one)) && after.length === before.length)) return []
    const answers = servers.map((server) => this.inTime(this.tellUntilAnswered(server, record.id, change)))
    const responses = await Promise.all(answers)
    const purr = after.findLast((one) => !before.includes(one))?.notification?.purr
    const fields = responses.flatMap((response): readonly HeaderField[] => {
      if (response === undefined) return [['Warning', `399 ${this.host.name} "push not registered"`]]
      return copied.flatMap((name) => response.texts(name).map((value): HeaderField => [name, withPurrIn(name, value, purr)]))
    })
    return onceEach(fields)
  }

  /** Push servers of a subscriber; the first one gives him an identifier where he may have one and has none. */
  private serversOf({ permissions, push = [] }: SubscriberRecord): readonly string[] {
    const servers = this.rules.push.filter(({ flags }) => push.some(({ id }) => hasFlags(id, flags)))
    const [first] = permissions.push === true && push.length === 0 ? this.rules.push : []
    return [...servers, ...(first === undefined ? [] : [first])].map(({ element }) => element)
  }

  /** Undefined: it takes longer. */
  private inTime(answer: Promise<SipResponse>): Promise<SipResponse | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.host.clock.after(patience, () => resolve(undefined))
      answer.then((response) => {
        timer.cancel()
        resolve(response)
      }, reject)
    })
  }

  private async tellUntilAnswered(server: string, subscriber: string, change: RegisteredChange): Promise<SipResponse> {
    for (let wait = pause; ; wait = Math.min(wait * 2, longestPause)) {
      const response = await this.tell(server, subscriber, change)
      if (response.status !== 408 && response.status < 500) return response
      await new Promise<void>((resolve) => this.host.clock.after(wait, resolve))
    }
  }

  private async tell(server: string, subscriber: string, { before, after, flow }: RegisteredChange): Promise<SipResponse> {
    const { host } = this
    const now = host.clock.date()
    const isNew = (binding: ContactBinding): boolean => !before.includes(binding)
    const left = before.filter((binding) => !after.includes(binding))
    const isThere = (binding: ContactBinding): boolean => isNew(binding) || host.flows.named(binding.flow) !== undefined
    const gone = left.filter((binding) => !after.some((other) => isSameDevice(other, binding) && isThere(other)))
    const isLeft = (binding: ContactBinding): boolean => left.some((other) => isSameDevice(other, binding))
    const stays = after.findLast((binding) => isThere(binding) && isLeft(binding)) // another Contact of a device that left one
    const seconds = ({ expires }: ContactBinding): number => Math.max(0, Math.round((expires - now) / 1000))
    const bound = after.some(isNew) || stays === undefined ? after.filter(isNew) : [stays]
    const contacts = [
      ...bound.map((binding) => `${binding.notification?.echo ?? binding.echo};expires=${seconds(binding)}`),
      ...gone.map((binding) => `${binding.echo};expires=0`),
    ]
    const newest = bound.at(-1) ?? gone.at(-1)
    if (newest === undefined) throw new Error('a REGISTER that changes nothing is told to no Push server')
    const way = newest === stays && !isNew(stays) ? (host.flows.named(stays.flow) ?? flow) : flow
    const path = newest.path ?? [`<${host.flows.pathTo(host.name, way, subscriber)}>`]
    return host.send({
      method: 'REGISTER',
      to: subscriber,
      uri: `sip:${server}@${host.domains[0]}`,
      from: host.uri,
      asserted: subscriber,
      callId: newest.callId,
      cseq: newest.cseq,
      headers: [
        ...path.map((value): HeaderField => ['Path', value]),
        ...contacts.map((value): HeaderField => ['Contact', value]),
      ],
    })
  }
}

function isSameDevice(a: ContactBinding, b: ContactBinding): boolean {
  return a.instance === undefined ? a.contact === b.contact : a.instance === b.instance
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
