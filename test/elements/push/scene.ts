/** A Push server in virtual time, a trusted proxy played by the test, and phones that answer as they are told. */
import { MemoryPushService } from '../../../dialplans/flows/stage/push-service.ts'
import { type AddressBookSettings, createAddressBook } from '../../../elements/address-book/index.ts'
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import { createPush, type PushServer, type PushSettings } from '../../../elements/push/index.ts'
import { type Element, memoryStore, type Node, type SipRequest, type SipResponse, type Store } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { SteeredStore } from '../../support/steered-store.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

const bobId = '0a17c5d2e8b9f604'
const aliceId = '0b90c5d2e8b9f604'
const permissions = { discoverable: false, discoverer: false }
const subscribers = [
  { id: 'alice', permissions, push: [{ id: aliceId }] },
  { id: 'bob', permissions, push: [{ id: bobId, string: 'bob.b' }] },
  { id: 'carol', permissions, push: [{ id: '0c90c5d2e8b9f604' }] },
  { id: 'eve', permissions },
]

const noLines: readonly string[] = []

/** A phone of bob, reached at its Contact. */
export class Phone {
  readonly wire: Wire
  /** Status of its answers; undefined: it answers nothing. */
  answer: number | undefined = 200
  /** Bodies that it got, each as often as it came by another transaction. */
  readonly got: string[] = []
  /** All MESSAGEs that it got. */
  readonly requests: SipRequest[] = []

  constructor(wire: Wire) {
    this.wire = wire
    wire.onRequest = (request) => {
      const text = String(request.body)
      if (!this.requests.some(({ via }) => via?.branch === request.via?.branch)) this.got.push(text)
      this.requests.push(request)
      if (this.answer !== undefined) wire.answer(request, this.answer)
    }
  }
}

/** A Push: parts of the request, and what it differs in from the usual one. */
interface PushParts extends RequestParts {
  readonly type?: string
  /** User part of the destination. */
  readonly user?: string
  readonly uriParameters?: string
  /** Request-URI; left out: that user part at the Push host. */
  readonly uri?: string | undefined
  /** false: nobody vouches. */
  readonly asserted?: boolean
  /** Names of header fields in their compact form (RFC 3261 §7.3.3). */
  readonly isCompact?: boolean
}

export class PushScene {
  readonly lab = new Lab()
  readonly pushService = new MemoryPushService()
  readonly store: SteeredStore
  /** Its store takes no write. */
  failing = false
  /** Further elements, from the next start on. */
  readonly others: Element[] = []
  /** Value of `pn-provider` of phones that sleep. */
  provider = 'webpush'
  private readonly entries: AddressBookSettings['entries']
  private settings: PushSettings
  server!: PushServer
  hss!: Hss
  private proxy!: Wire
  private phones = 0
  private sent = 0

  private constructor(settings: PushSettings, entries: AddressBookSettings['entries']) {
    this.settings = entries === undefined ? settings : { addressbook: 'addressbook', ...settings }
    this.entries = entries
    const store = new SteeredStore(memoryStore(this.lab.clock))
    store.holds = false
    store.fails = () => this.failing
    this.store = store
    this.lab.trusted.push('10.0.8.1')
    this.lab.http = this.pushService
  }
  /** @param entries of an address book; left out: there is none */
  static async open(settings: PushSettings = {}, entries?: AddressBookSettings['entries']): Promise<PushScene> {
    const scene = new PushScene(settings, entries)
    scene.proxy = await Wire.at(scene.lab, '10.0.8.1')
    await scene.start()
    return scene
  }
  private async start(): Promise<void> {
    const { entries, settings } = this
    this.server = createPush('push', settings)
    const hss = (this.hss = createHss('hss', { subscribers, askers: ['push', 'addressbook', 'pcrf'] }))
    const book = entries === undefined ? [] : [createAddressBook('addressbook', { entries })]
    const elements = [hss, this.server, ...book, ...this.others]
    await this.lab.serve(['localhost', '10.0.0.1'], elements, this.store)
    await this.lab.clock.advance(100)
  }
  /** Ends the server, and starts it again over the same store. */
  async restart(settings = this.settings): Promise<void> {
    this.settings = settings
    await this.lab.nodes.pop()!.stop(0)
    await this.start()
  }
  private get node(): Node {
    return this.lab.nodes.at(-1)!
  }
  metric(name: string): number {
    return metric(this.node, `push_${name}`)
  }
  /** Copies that have come, minus those that have gone in any way: none, if all are accounted for. */
  get unaccounted(): number {
    const gone = ['delivered', 'expired', 'refused', 'replaced', 'withdrawn'].map((how) => this.metric(`copies_${how}_total`))
    return this.metric('copies_accepted_total') - gone.reduce((sum, count) => sum + count, 0) - this.metric('copies_waiting')
  }

  async phone(): Promise<Phone> {
    return new Phone(await Wire.at(this.lab, `10.0.1.${++this.phones}`))
  }
  /** REGISTER of a phone, of bob unless it says otherwise; by its Contact alone, or with an instance. */
  register(
    { wire }: Phone,
    { expires = 3600, instance = '', user = 'bob', waking = '', lines: more = noLines } = {},
    names: Pick<RequestParts, 'callId' | 'cseq'> = {},
  ): Promise<SipResponse> {
    const parameter = instance === '' ? '' : `;+sip.instance="<urn:uuid:${instance}>"`
    const contact = `<sip:${user}@${wire.here.host}:5060${waking}>${parameter};expires=${expires}`
    const lines = [`Contact: ${contact}`, `P-Asserted-Identity: <sip:${user}@localhost>`, ...more]
    return this.ask('REGISTER', 'sip:push@localhost', { to: `sip:${user}@localhost`, lines, ...names })
  }
  /** REGISTER of a phone of bob for one identifier alone. */
  registerIdentifier({ wire }: Phone, id: string): Promise<SipResponse> {
    const lines = [`Contact: <sip:${id}@${wire.here.host}:5060>;expires=3600`, 'P-Asserted-Identity: <sip:bob@localhost>']
    const to = `sip:${id}@push.localhost;user=push`
    return this.ask('REGISTER', 'sip:push@localhost', { to, lines })
  }
  /** REGISTER of a phone that the push service wakes by that subscription. */
  registerAsleep(phone: Phone, { expires = 86_400, lines = noLines, subscription = 'bob' } = {}): Promise<SipResponse> {
    const prid = encodeURIComponent(this.pushService.endpoint(subscription))
    const waking = expires === 0 ? '' : `;pn-provider=${this.provider};pn-prid=${prid}`
    return this.register(phone, { expires, lines, waking, instance: '00000000-0000-1000-8000-000a95a0e128' })
  }
  /** Status of a Push to bob from alice. */
  async push(text: string, parts: PushParts = {}, seconds = 3): Promise<number> {
    return (await this.answer(text, parts, seconds)).status
  }
  /** Its answer. */
  answer(text: string, parts: PushParts = {}, seconds = 3): Promise<SipResponse> {
    const { uri, ...request } = this.requestOf(text, parts)
    return this.ask('MESSAGE', uri, request, seconds)
  }
  /** Statuses of Pushes that are sent at one moment, by their Call-IDs. */
  async statusesAtOnce(
    all: readonly (readonly [text: string, parts: PushParts])[],
    seconds = 3,
  ): Promise<ReadonlyMap<string, number>> {
    const before = this.proxy.responses.length
    for (const [text, parts] of all) {
      const { uri, ...request } = this.requestOf(text, parts)
      this.send('MESSAGE', uri, request)
    }
    await this.pass(seconds)
    const final = this.proxy.responses.slice(before).filter(({ status }) => status >= 200)
    return new Map(final.map(({ callId, status }) => [callId, status]))
  }
  private requestOf(text: string, parts: PushParts): PushParts & { readonly uri: string } {
    const { asserted = true, lines = [], type = 'text/plain', uri, uriParameters = '', user = bobId, ...others } = parts
    const identity = asserted ? [`P-Asserted-Identity: <sip:${aliceId}@push.localhost;user=push>`] : []
    const all = [`Content-Type: ${type}`, ...identity, ...lines]
    const to = uri ?? `sip:${user}@push.localhost;user=push${uriParameters}`
    return { uri: to, callId: `push-${this.sent + 1}`, body: text, ...others, lines: all }
  }
  /** Applications of the messages that wait for bob, in the order in which they came. */
  applicationsWaiting(): readonly string[] {
    return this.server.waiting('sip:bob@localhost').map(({ application }) => application)
  }
  /** Status of a call from alice to bob's identifier. */
  async call(): Promise<number> {
    const lines = [`P-Asserted-Identity: <sip:${aliceId}@push.localhost;user=push>`, 'Contact: <sip:alice@10.0.8.1:5060>']
    return (await this.ask('INVITE', `sip:${bobId}@push.localhost;user=push`, { lines }, 40)).status
  }
  /** Answer to a Push from alice to that user part at the Push host. */
  pushTo(user: string): Promise<SipResponse> {
    return this.answer('hello', { user })
  }
  /** Summaries that a softphone of bob is told of what waits for him, as they come. */
  async watchSummary(): Promise<readonly string[]> {
    const summaries: string[] = []
    this.proxy.onRequest = (request) => {
      summaries.push(String(request.body))
      this.proxy.answer(request, 200)
    }
    const lines = ['Event: message-summary', 'Contact: <sip:bob@10.0.8.1:5060>', 'P-Asserted-Identity: <sip:bob@localhost>']
    const { status } = await this.ask('SUBSCRIBE', 'sip:bob@localhost', { from: 'sip:bob@localhost', lines })
    if (status !== 200) throw new Error(`SUBSCRIBE is answered ${status}`)
    return summaries
  }
  private async ask(method: string, uri: string, parts: PushParts, seconds = 1): Promise<SipResponse> {
    const before = this.proxy.responses.length
    this.send(method, uri, parts)
    await this.pass(seconds)
    const answer = this.proxy.responses.slice(before).find(({ status }) => status >= 200)
    if (answer === undefined) throw new Error(`${method} ${uri} is not answered`)
    return answer
  }
  private send(method: string, uri: string, parts: PushParts): void {
    const branch = `z9hG4bK-${++this.sent}`
    const text = requestText(method, uri, { branch, cseq: this.sent, via: '10.0.8.1;rport', ...parts })
    this.proxy.send(Buffer.from(parts.isCompact === true ? compacted(text) : text, parts.bodyAs))
  }
  /** Records of the store whose keys begin so. */
  stored(prefix: string): ReturnType<Store['scan']> {
    return this.store.scan(prefix)
  }
  /** Takes records out of the store behind the server's back. */
  async erase(keys: readonly string[]): Promise<void> {
    await this.store.write(keys.map((key) => ({ key, delete: true })))
  }
  pass(seconds: number): Promise<void> {
    return this.lab.clock.advance(seconds * 1000)
  }
}

const compact: { readonly [name: string]: string } = {
  ...{ Via: 'v', From: 'f', To: 't', 'Call-ID': 'i', 'Content-Type': 'c', 'Content-Length': 'l', Subject: 's' },
  ...{ 'Content-Encoding': 'e', Contact: 'm', Supported: 'k' },
}

function compacted(text: string): string {
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end).replace(/^([\w-]+):/gm, (_, name: string) => `${compact[name] ?? name}:`)
  return head + text.slice(end)
}
