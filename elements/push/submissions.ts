/** Submissions to a Push server by applications without SIP (SPEC §5.9): sent as MESSAGEs, followed, and withdrawn. */
import { canonical, type Host, parseUri, type SipResponse } from '../../signalling/index.ts'
import type { PushApplication } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { domainOfPushHost, isPushInForce, pushHost, pushIdentifier, pushKey, pushUri } from '../shared/identifiers/push.ts'
import type { DeviceQueues } from './device-queues.ts'
import type { MessageOutcomes, MessageState } from './outcomes.ts'

/** A message of an application, as it is to be sent. */
interface Submission {
  /** A subscriber, a Push identifier, a string or an alias; or a Push address with its host. */
  readonly to: string
  readonly application: PushApplication
  /** For people; left out: the application's own name. */
  readonly title: string | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly type: string
  readonly content: Buffer
}

/** Accepted, under a name by which it is followed; or the answer that refuses it. */
type SubmissionOutcome = { readonly id: string; readonly state: 'stored' | 'delivered' } | { readonly refusal: SipResponse }

interface SubmissionsParts {
  readonly host: Host
  readonly subscribers: Subscribers
  readonly queues: DeviceQueues
  readonly outcomes: MessageOutcomes
}

export class Submissions {
  private readonly parts: SubmissionsParts

  constructor(parts: SubmissionsParts) {
    this.parts = parts
  }

  async send({ application, content, headers, title, to, type }: Submission): Promise<SubmissionOutcome> {
    const { host, outcomes } = this.parts
    const { clock, domains, ids, name } = host
    const source = pushUri(application.push!, domains)
    const uri = await this.uriOf(to)
    const id = ids.token(22)
    outcomes.expect(id, canonical(parseUri(source)!))
    const response = await host.send({
      method: 'MESSAGE',
      to: uri,
      written: {
        from: `"${quoted(title ?? application.name ?? application.id)}" <${source}>;tag=${ids.token(10)}`,
        to: `<${uri}>`,
      },
      callId: id,
      asserted: source,
      route: [`<sip:${name}@${domains[0]};lr>`],
      headers: [['Date', new Date(clock.date()).toUTCString()], ['Push-Application', application.id], ...headers],
      ...(content.length === 0 ? {} : { body: { type, content } }),
    })
    const state = response.status === 202 ? 'stored' : response.status < 300 ? 'delivered' : undefined
    await outcomes.settle(id, application.id, state)
    return state === undefined ? { refusal: response } : { id, state }
  }
  /** URI of a destination: what names a subscriber stands for his first Push identifier. */
  private async uriOf(to: string): Promise<string> {
    const { host, subscribers } = this.parts
    const { domains, clock } = host
    const full = to.includes('@') ? parseUri(/^sips?:/.test(to) ? to : `sip:${to}`) : undefined
    if (full !== undefined && domainOfPushHost(full.host) !== undefined) return `sip:${full.user}@${full.host};user=push`
    const isString =
      pushIdentifier(to) !== undefined || (await subscribers.lookup(pushKey(encodeURIComponent(to), domains))) !== undefined
    const key = isString ? undefined : subscriberKey(to, domains)
    const record = key === undefined ? undefined : await subscribers.of(key)
    const first = record?.push?.find((one) => isPushInForce(one, clock.date()))
    if (first !== undefined) return pushUri(first.id, domains)
    return `sip:${encodeURIComponent(to)}@${pushHost(domains[0] ?? 'localhost')};user=push`
  }

  /** State of a message of that application; undefined: it has sent none of that name, or it is long over. */
  stateOf(id: string, application: string): MessageState | undefined {
    const outcome = this.parts.outcomes.get(id)
    return outcome?.application === application ? outcome.state : undefined
  }
  /** Ends what waits of a message; its state afterwards. */
  async withdraw(id: string, application: string): Promise<MessageState | undefined> {
    const { outcomes, queues } = this.parts
    if (this.stateOf(id, application) !== 'stored') return this.stateOf(id, application)
    const { message: key } = outcomes.get(id)!
    const message = key === undefined ? undefined : queues.store.message(key)
    if (message !== undefined) await queues.end([message], 'copies_withdrawn')
    return this.stateOf(id, application)
  }
}

/** Text of a quoted string (RFC 3261 §25.1). */
function quoted(text: string): string {
  return text.replace(/["\\]/g, '\\$&')
}
