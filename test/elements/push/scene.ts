/** A Push server in virtual time, a trusted proxy played by the test, and phones that answer as they are told. */
import { type AddressBookSettings, createAddressBook } from '../../../elements/address-book/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createPush, type PushSettings } from '../../../elements/push/index.ts'
import { memoryStore, type Node, type SipRequest, type SipResponse, type Store } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

const bobId = '0a17c5d2e8b9f604'
const aliceId = '0b90c5d2e8b9f604'
const permissions = { discoverable: false, discoverer: false }
const subscribers = [
  { id: 'alice', permissions, push: [{ id: aliceId }] },
  { id: 'bob', permissions, push: [{ id: bobId }] },
]

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

export class PushScene {
  readonly lab = new Lab()
  private readonly store: Store
  private readonly settings: PushSettings
  private readonly entries: AddressBookSettings['entries']
  private proxy!: Wire
  private phones = 0
  private sent = 0

  private constructor(settings: PushSettings, entries: AddressBookSettings['entries']) {
    this.settings = entries === undefined ? settings : { addressbook: 'addressbook', ...settings }
    this.entries = entries
    this.store = memoryStore(this.lab.clock)
    this.lab.trusted.push('10.0.8.1')
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
    const hss = createHss('hss', { subscribers, askers: ['push', 'addressbook'] })
    const book = entries === undefined ? [] : [createAddressBook('addressbook', { entries })]
    const elements = [hss, createPush('push', settings), ...book]
    await this.lab.serve(['localhost', '10.0.0.1'], elements, this.store)
    await this.lab.clock.advance(100)
  }
  /** Ends the server, and starts it again over the same store. */
  async restart(): Promise<void> {
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
  /** REGISTER of a phone of bob; by its Contact alone, or with an instance. */
  register({ wire }: Phone, { expires = 3600, instance = '' } = {}): Promise<SipResponse> {
    const parameter = instance === '' ? '' : `;+sip.instance="<urn:uuid:${instance}>"`
    const contact = `<sip:bob@${wire.here.host}:5060>${parameter};expires=${expires}`
    const lines = [`Contact: ${contact}`, 'P-Asserted-Identity: <sip:bob@localhost>']
    return this.ask('REGISTER', 'sip:push@localhost', { to: 'sip:bob@localhost', lines })
  }
  /** Status of a Push to bob from alice. */
  async push(text: string, { lines = [], ...parts }: RequestParts = {}, seconds = 3): Promise<number> {
    const asserted = `P-Asserted-Identity: <sip:${aliceId}@push.localhost;user=push>`
    const all = ['Content-Type: text/plain', asserted, ...lines]
    const request = { callId: `push-${this.sent + 1}`, body: text, ...parts, lines: all }
    return (await this.ask('MESSAGE', `sip:${bobId}@push.localhost;user=push`, request, seconds)).status
  }
  /** Answer to a Push from alice to that user part at the Push host. */
  pushTo(user: string): Promise<SipResponse> {
    const asserted = `P-Asserted-Identity: <sip:${aliceId}@push.localhost;user=push>`
    const request = { callId: `push-${this.sent + 1}`, body: 'hello', lines: ['Content-Type: text/plain', asserted] }
    return this.ask('MESSAGE', `sip:${user}@push.localhost;user=push`, request, 3)
  }
  private async ask(method: string, uri: string, parts: RequestParts, seconds = 1): Promise<SipResponse> {
    const before = this.proxy.responses.length
    const branch = `z9hG4bK-${++this.sent}`
    this.proxy.send(requestText(method, uri, { branch, cseq: this.sent, via: '10.0.8.1;rport', ...parts }))
    await this.pass(seconds)
    const answer = this.proxy.responses.slice(before).find(({ status }) => status >= 200)
    if (answer === undefined) throw new Error(`${method} ${uri} is not answered`)
    return answer
  }
  pass(seconds: number): Promise<void> {
    return this.lab.clock.advance(seconds * 1000)
  }
}
