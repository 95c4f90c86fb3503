/** Every kind of change that a server acknowledges and keeps: one class a kind. */
import { type Bodies, type BodyName, mediaType, readBody, writeBody } from '../../../elements/schemas/index.ts'
import type { SipRequest } from '../../../signalling/index.ts'
import { type Caller, type Standing, uri } from './caller.ts'
import type { Kept } from './ledger.ts'

export const application = 'org.example.rounds'
export const star = 'star' // whom all are near, and whom all watch

/** HTTP of the server, with its token. */
export type Http = (method: string, path: string, body?: object) => Promise<{ readonly status: number; readonly value: unknown }>

abstract class Subject implements Kept {
  abstract readonly kind: string
  wanted: string | undefined
  protected user = ''
  protected readonly caller: Caller
  private readonly number: number
  private generation = 0

  constructor(caller: Caller, number: number) {
    this.caller = caller
    this.number = number
  }
  get title(): string {
    return `${this.kind} of ${this.user}`
  }
  /** Makes it ready, with nothing kept. */
  async open(): Promise<void> {
    this.user = `${this.kind}${this.number}x${this.generation++}`
    await this.begin()
  }
  renew(): Promise<void> {
    return this.open()
  }
  protected async begin(): Promise<void> {}
  abstract change(): Promise<string | undefined>
  abstract read(): Promise<string>
}

/** A binding, replaced or removed (RFC 3261 §10.2). */
export class BindingSubject extends Subject {
  readonly kind = 'binding'
  private contact = ''
  private callId = ''
  private cseq = 0

  protected override async begin(): Promise<void> {
    this.contact = ''
    this.callId = this.caller.token()
  }
  async change(): Promise<string | undefined> {
    const next = this.contact !== '' && this.cseq % 3 === 0 ? '' : `sip:${this.user}@127.0.0.1:${this.caller.port};n=${this.cseq}`
    this.wanted = next
    const values = [
      ...(this.contact === '' ? [] : [`<${this.contact}>;expires=0`]),
      ...(next === '' ? [] : [`<${next}>;expires=3600`]),
    ]
    const headers = values.map((value) => ['Contact', value] as const)
    const { status } = await this.register(headers)
    if (status !== 200) return undefined
    this.contact = next
    return next
  }
  async read(): Promise<string> {
    const response = await this.register([])
    return response
      .list('Contact')
      .map((value) => /<([^>]*)>/.exec(value)![1]!)
      .join()
  }
  private register(headers: readonly (readonly [string, string])[]) {
    return this.caller.send('REGISTER', this.user, uri(this.user), { headers, callId: this.callId, cseq: ++this.cseq })
  }
}

/** A publication, modified or removed (RFC 3903). */
export class PublicationSubject extends Subject {
  readonly kind = 'publication'
  private tag: string | undefined
  private count = 0

  protected override async begin(): Promise<void> {
    this.tag = undefined
  }
  async change(): Promise<string | undefined> {
    const { kills } = this.caller
    const note = this.tag !== undefined && this.count % 4 === 3 ? '' : `n${++this.count}`
    if (note === '') this.count++
    this.wanted = note
    const headers: [string, string][] = [
      ['Event', 'presence'],
      ['Expires', note === '' ? '0' : '3600'],
    ]
    if (this.tag !== undefined) headers.push(['SIP-If-Match', this.tag])
    const body = note === '' ? {} : { body: { type: 'application/pidf+xml', content: this.document(note) } }
    const response = await this.caller.send('PUBLISH', this.user, uri(this.user), { headers, ...body })
    if (this.tag === undefined && kills !== this.caller.kills) this.wanted = undefined // a first one, sent to two lives, is two
    if (response.status !== 200 || this.wanted === undefined) return undefined
    this.tag = note === '' ? undefined : response.text('SIP-ETag')
    return note
  }
  async read(): Promise<string> {
    const question = { to: uri(this.user), from: this.user, event: 'presence', accept: ['application/pidf+xml'] }
    return [...(await this.caller.fetch(question)).matchAll(/<note>(n\d+)<\/note>/g)].map(([, note]) => note).join()
  }
  private document(note: string): string {
    const tuple = `<tuple id="t"><status><basic>open</basic></status><note>${note}</note></tuple>`
    return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${uri(this.user)}">${tuple}</presence>`
  }
}

/** One that is a subscription: there, or not. A change that a kill has cut in two is uncertain. */
abstract class Subscribed extends Subject {
  protected standing: Standing | undefined

  protected override async begin(): Promise<void> {
    if (this.standing !== undefined) await this.caller.unsubscribe(this.standing)
    this.standing = undefined
  }
  override async change(): Promise<string | undefined> {
    const { kills } = this.caller
    const outcome = this.standing === undefined ? await this.subscribe() : await this.unsubscribe(this.standing)
    return kills === this.caller.kills ? outcome : undefined
  }
  private async subscribe(): Promise<string | undefined> {
    this.wanted = undefined
    this.standing = await this.ask()
    return this.standing.ended === undefined ? this.valueIn(this.standing) : undefined
  }
  private async unsubscribe(standing: Standing): Promise<string | undefined> {
    this.wanted = ''
    const over = await this.caller.unsubscribe(standing)
    if (over) this.standing = undefined
    return over ? '' : undefined
  }
  protected abstract ask(): Promise<Standing>
  protected abstract valueIn(standing: Standing): string
}

/** A watcher of the star's presence, as the star sees it. */
export class WatcherSubject extends Subscribed {
  readonly kind = 'watcher'
  protected ask(): Promise<Standing> {
    return this.caller.subscribe({ to: uri(star), from: this.user, event: 'presence', accept: ['application/pidf+xml'] }, 3600)
  }
  protected valueIn(): string {
    return 'active'
  }
  async read(): Promise<string> {
    const watchers = await this.caller.fetch({ to: uri(star), from: star, event: 'presence.winfo' })
    const line = watchers.split('\n').find((each) => each.includes(`>${uri(this.user)}<`))
    return line === undefined || line.includes('"terminated"') ? '' : 'active'
  }
}

/** One that another request of the device has taken the code from is given another, and told in the next NOTIFY. */
const hasCode = (body: string): boolean => body.includes('"announce"')

/** The proximity service with its code, which counts as long as it stands (SPEC §3.1, §3.2). */
export class ServiceSubject extends Subscribed {
  readonly kind = 'service'
  private code = ''

  protected ask(): Promise<Standing> {
    const body = writeBody('prose-request', { device: uri(this.user), roles: ['discoverable'] })
    return this.caller.subscribe(
      { to: uri('prose'), from: this.user, event: 'prose', accept: [mediaType('prose-state')], body, answers: hasCode },
      3600,
    )
  }
  protected valueIn({ body }: Standing): string {
    this.code = (JSON.parse(body) as Bodies['prose-state']).announce!.code
    return this.code
  }
  async read(): Promise<string> {
    if (this.code === '') return ''
    return (await reportOf(this.caller, star, [this.code])) === 200 ? this.code : ''
  }
}

/** An attachment to the MME, with its temporary identifier (SPEC §3.6). */
export class AttachmentSubject extends Subscribed {
  readonly kind = 'attachment'
  private readonly http: Http

  constructor(caller: Caller, number: number, http: Http) {
    super(caller, number)
    this.http = http
  }
  protected ask(): Promise<Standing> {
    const body = writeBody('attach-request', { device: uri(this.user), capabilities: { prose: true } })
    return this.caller.subscribe(
      { to: uri('mme'), from: this.user, event: 'attach', accept: [mediaType('attach-state')], body },
      3600,
    )
  }
  protected valueIn({ body }: Standing): string {
    return (JSON.parse(body) as Bodies['attach-state']).temporary
  }
  async read(): Promise<string> {
    const { status, value } = await this.http('GET', `/v1/attached/${encodeURIComponent(uri(this.user))}`)
    return status === 404 ? '' : (value as { readonly at: readonly { readonly temporary: string }[] }).at[0]!.temporary
  }
}

/** That one device has heard another (SPEC §3.2). */
export class RelationSubject extends Subject {
  readonly kind = 'relation'
  private readonly heard: { readonly code: string; readonly device: string }
  private near = false

  constructor(caller: Caller, number: number, heard: { readonly code: string; readonly device: string }) {
    super(caller, number)
    this.heard = heard
  }
  protected override async begin(): Promise<void> {
    this.near = false
    await serve(this.caller, this.user, ['discoverer'])
  }
  async change(): Promise<string | undefined> {
    const { code, device } = this.heard
    this.wanted = this.near ? '' : device
    const status = await (this.near ? reportOf(this.caller, this.user, [], [code]) : reportOf(this.caller, this.user, [code]))
    if (status !== 200) return undefined
    this.near = !this.near
    return this.wanted
  }
  async read(): Promise<string> {
    const body = writeBody('proximity-query', { device: uri(this.user) })
    const question = { to: uri('prose'), from: this.user, event: 'proximity', accept: [mediaType('proximity-list')], body }
    const list = JSON.parse(await this.caller.fetch(question)) as Bodies['proximity-list']
    return list.proximate.map(({ device }) => device).join()
  }
}

/** A subscriber, changed or removed over HTTP (SPEC §6.1). */
export class SubscriberSubject extends Subject {
  readonly kind = 'subscriber'
  private readonly http: Http
  private count = 0

  constructor(caller: Caller, number: number, http: Http) {
    super(caller, number)
    this.http = http
  }
  private get path(): string {
    return `/v1/subscribers/${encodeURIComponent(uri(this.user))}`
  }
  async change(): Promise<string | undefined> {
    const removes = ++this.count % 4 === 0
    const alias = removes ? '' : `sip:${this.user}-${this.count}@sip.test`
    this.wanted = alias
    const record = { id: uri(this.user), permissions: { discoverable: true, discoverer: true }, aliases: [alias] }
    const { status } = await (removes ? this.http('DELETE', this.path) : this.http('PUT', this.path, record))
    return status >= 200 && status < 300 ? alias : undefined
  }
  async read(): Promise<string> {
    const { status, value } = await this.http('GET', this.path)
    return status === 404 ? '' : (value as { readonly aliases: readonly string[] }).aliases.join()
  }
}

/** A user of the application at a device near the star (SPEC §3.5). */
export class UserSubject extends Subject {
  readonly kind = 'user'
  private there = false

  protected override async begin(): Promise<void> {
    this.there = false
    const code = await serve(this.caller, this.user, ['discoverable'])
    const status = await reportOf(this.caller, star, [code])
    if (status !== 200) throw new Error(`the star cannot report ${this.user}: ${status}`)
  }
  async change(): Promise<string | undefined> {
    this.wanted = this.there ? '' : uri(this.user)
    const status = await registerUser(this.caller, this.user, this.there ? 0 : 3600)
    if (status !== 200) return undefined
    this.there = !this.there
    return this.wanted
  }
  async read(): Promise<string> {
    const accept = [mediaType('proximate-users')]
    const list = JSON.parse(
      await this.caller.fetch({ to: uri('as'), from: star, event: 'proximate-users', accept }),
    ) as Bodies['proximate-users']
    return list.proximate.find(({ user }) => user === uri(this.user))?.user ?? ''
  }
}

/** The first identifier of automated registration: once told it stays (SPEC §4). */
export class IdentifierSubject extends Subject {
  readonly kind = 'identifier'
  private known = ''

  protected override async begin(): Promise<void> {
    this.known = ''
    const headers = [['Contact', `<sip:${this.user}@127.0.0.1:${this.caller.port}>`] as const]
    await this.caller.send('REGISTER', this.user, uri(this.user), { headers }) // the answer is a MESSAGE to it
  }
  /** Of another device each time. */
  async change(): Promise<string | undefined> {
    await this.open()
    this.known = (await this.ask()) ?? ''
    return this.known === '' ? undefined : this.known
  }
  async read(): Promise<string> {
    return this.known === '' ? '' : ((await this.ask()) ?? 'no answer')
  }
  private ask(): Promise<string | undefined> {
    const body = { device: uri(this.user), capabilities: { prose: true } }
    return tellAndHear(this.caller, this.user, uri('prose'), 'registration-code-request', body, 'registration-code').then(
      (code) => code?.epuid,
    )
  }
}

/** Stands for good with these roles; returns its code, or nothing for a discoverer. */
export async function serve(caller: Caller, user: string, roles: readonly ('discoverable' | 'discoverer')[]): Promise<string> {
  const body = writeBody('prose-request', { device: uri(user), roles: [...roles] })
  const accept = [mediaType('prose-state')]
  const standing = await caller.subscribe({ to: uri('prose'), from: user, event: 'prose', accept, body }, 36_000)
  if (standing.ended !== undefined) throw new Error(`${user} is not served: ${standing.ended}`)
  return (JSON.parse(standing.body) as Bodies['prose-state']).announce?.code ?? ''
}

export async function registerUser(caller: Caller, user: string, expires: number): Promise<number> {
  const body = writeBody('user-registration', { device: uri(user), user: uri(user), application, expires })
  return (await caller.send('MESSAGE', user, uri('as'), { body })).status
}

async function reportOf(
  caller: Caller,
  reporter: string,
  codes: readonly string[],
  lost: readonly string[] = [],
): Promise<number> {
  const at = new Date(caller.clock.date()).toISOString()
  const body = writeBody('prose-match', { heard: codes.map((code) => ({ code, at })), ...(lost.length === 0 ? {} : { lost }) })
  return (await caller.send('MESSAGE', reporter, uri('prose'), { body })).status
}

/** A MESSAGE that is answered by another one (SPEC §2.3). */
async function tellAndHear<Name extends BodyName, Answer extends BodyName>(
  caller: Caller,
  from: string,
  to: string,
  name: Name,
  value: Bodies[Name],
  answer: Answer,
): Promise<Bodies[Answer] | undefined> {
  const callId = caller.token()
  const heard = new Promise<SipRequest | undefined>((resolve) => {
    caller.answers.set(callId, resolve)
    caller.clock.after(10_000, () => resolve(undefined))
  })
  const { status } = await caller.send('MESSAGE', from, to, { body: writeBody(name, value), callId })
  const request = status >= 300 ? undefined : await heard
  caller.answers.delete(callId)
  return request === undefined ? undefined : readBody(request, answer).value
}
