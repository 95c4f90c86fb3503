/** A core network with all that MO-LR passes, in virtual time; the proxy of its UEs is played by the test. */
import { createCoreNetwork } from '../../../elements/core-network/index.ts'
import { createGmlc, type GmlcSettings } from '../../../elements/gmlc/index.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createLcsClient, type LcsClientSettings } from '../../../elements/lcs-client/index.ts'
import { createBaseStation } from '../../../elements/ran/index.ts'
import type { RanSettings } from '../../../elements/ran/settings-type.ts'
import { type BodyName, mediaType, writeBody } from '../../../elements/schemas/index.ts'
import type { Bodies, LocationRequest, MoLr, MoLrResult } from '../../../elements/schemas/types.ts'
import { type Element, type Exchange, memoryStore, type SipRequest, type SipResponse } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { SteeredStore } from '../../support/steered-store.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

const permissions = { discoverable: false, discoverer: false }
const domain = 'home.example'
const profiles = [
  {
    target: 'alice',
    rules: [
      { id: 'bob', who: { one: ['sip:bob@home.example'] }, mode: 'notify', precision: 1000 },
      { id: 'word', codeword: 'Apfelbaum', mode: 'allow', precision: 'exact' },
    ],
  },
]

/** The proxy, with the UEs behind it. */
class PlayedUes implements Element {
  readonly name = 'proxy'
  readonly claims = [{ method: 'MESSAGE' }]
  /** Status of their answers. */
  status = 200
  readonly got: { readonly to: string; readonly inReplyTo: string | undefined; readonly type: string; readonly body: unknown }[] =
    []

  start(): void {}
  handle(exchange: Exchange): void {
    const { body, contentType = '', uri } = exchange.request
    const inReplyTo = exchange.request.text('In-Reply-To')
    const read: unknown = contentType.endsWith('json') ? JSON.parse(String(body)) : String(body)
    if (this.status < 300) this.got.push({ to: uri.text, inReplyTo, type: contentType, body: read })
    exchange.reply(this.status)
  }
  bodies<Name extends BodyName>(name: Name): readonly Bodies[Name][] {
    return this.got.filter(({ type }) => type === mediaType(name)).map(({ body }) => body as Bodies[Name])
  }
}

/** A client that takes places, and says what the test wants of them. */
export class PlayedClient implements Element {
  readonly name = 'played'
  readonly claims = [{ method: 'MESSAGE', label: 'played' }]
  /** Requests that it was told of, each as often as it was. */
  readonly asked: string[] = []

  start(): void {}
  handle(exchange: Exchange): void {
    this.asked.push((JSON.parse(String(exchange.request.body)) as { request: string }).request)
    exchange.reply(202)
  }
}

export class CoreScene {
  readonly lab = new Lab()
  readonly ues = new PlayedUes()
  readonly store: SteeredStore
  readonly others: readonly Element[]
  private readonly maps: LcsClientSettings
  /** Settings of the GMLC, from the next start on. */
  gmlc: GmlcSettings = {}
  /** Whether askers answer a NOTIFY. */
  answers: (request: SipRequest) => boolean = () => true
  /** True place of alice: longitude and latitude. */
  private place: [number, number] = [13.405, 52.52]
  private ran!: Element
  private wire!: Wire
  private sent = 0

  private constructor(maps: LcsClientSettings, others: readonly Element[]) {
    this.maps = maps
    this.others = others
    this.store = new SteeredStore(memoryStore(this.lab.clock))
    this.store.holds = false
    this.lab.trusted.push('10.0.8.1')
  }
  static async open(
    maps: LcsClientSettings = { services: [{ service: 'text', does: 'text' }] },
    ...others: readonly Element[]
  ): Promise<CoreScene> {
    const scene = new CoreScene(maps, others)
    scene.wire = await Wire.at(scene.lab, '10.0.8.1')
    await scene.start()
    return scene
  }
  private async start(): Promise<void> {
    this.ran = createBaseStation('ran', this.radio)
    const subscribers = [
      { id: 'alice', permissions, moLr: {} },
      { id: 'bob', aliases: ['tel:+4930222'], permissions },
      { id: 'jürgen', permissions },
    ]
    await this.lab.serve(
      [domain, '10.0.0.1'],
      [
        createHss('hss', { subscribers, askers: ['sgsn', 'maps', 'gmlc', 'where'] }),
        createCoreNetwork('sgsn', { ran: 'ran', gmlc: 'gmlc', gmlcs: ['gmlc'] }, 'ps'),
        this.ran,
        createGmlc('gmlc', {
          clients: ['maps', 'played', 'gone', 'where'],
          cores: ['sgsn'],
          speakers: ['where'],
          profiles,
          ...this.gmlc,
        }),
        createLcsClient('maps', { gmlcs: ['gmlc'], ...this.maps }),
        this.ues,
        ...this.others,
      ],
      this.store,
    )
    await this.lab.clock.advance(10)
  }
  /** Ends all of them, and starts them again over the same store. */
  async restart(): Promise<void> {
    await this.lab.nodes.at(-1)!.stop(0) // it stays in the list: the next one draws other identifiers
    await this.start()
  }
  private get radio(): RanSettings {
    return { cell: '0010100010000101', places: [{ device: 'alice', at: this.place }], askers: ['sgsn'], proxy: 'proxy' }
  }
  /** Alice goes there. */
  async moves(longitude: number, latitude: number): Promise<void> {
    this.place = [longitude, latitude]
    await this.ran.reload?.(this.radio)
  }
  /** Status of an MO-LR of alice. Hardly any time passes. */
  async ask(wishes: MoLr, parts: RequestParts = {}): Promise<number> {
    return (await this.message('sip:sgsn@home.example', 'mo-lr', wishes, `sip:alice@${domain}`, parts)).status
  }
  async message<Name extends BodyName>(
    to: string,
    name: Name,
    value: Bodies[Name],
    asserted: string,
    parts: RequestParts = {},
  ): Promise<SipResponse> {
    const { content, type } = writeBody(name, value)
    return this.send(to, { type, body: String(content) }, asserted, parts)
  }
  /** A MESSAGE in somebody's name, or in nobody's. */
  async send(
    to: string,
    { body, type }: { readonly type: string; readonly body: string },
    asserted: string | undefined,
    parts: RequestParts = {},
  ): Promise<SipResponse> {
    const before = this.wire.responses.length
    const lines = [`Content-Type: ${type}`, ...(asserted === undefined ? [] : [`P-Asserted-Identity: <${asserted}>`])]
    const id = ++this.sent
    const names = { branch: `z9hG4bK-${id}`, callId: `ask-${id}`, cseq: id, via: '10.0.8.1;rport', body, lines }
    this.wire.send(Buffer.from(requestText('MESSAGE', to, { ...names, ...parts })))
    await this.lab.clock.advance(10)
    const answer = this.wire.responses.slice(before).find(({ status }) => status >= 200)
    if (answer === undefined) throw new Error(`MESSAGE to ${to} is not answered`)
    return answer
  }
  /** NOTIFYs that a user gets who asks where somebody is: state and body of each. */
  locate(
    asker: string,
    target: string,
    wishes: Partial<LocationRequest> | undefined,
    expires = 0,
    lines: readonly string[] = [],
  ) {
    const body = wishes === undefined ? undefined : writeBody('location-request', { type: 'immediate', ...wishes })
    const content = body === undefined ? {} : { body: String(body.content) }
    const more = [...(body === undefined ? [] : [`Content-Type: ${body.type}`]), ...lines]
    return this.subscribe(asker, target, 'location', expires, undefined, more, content)
  }
  /** NOTIFYs of a subscription. Hardly any time passes. */
  async subscribe(
    asker: string,
    to: string,
    event: string,
    expires: number,
    accept?: string,
    lines: readonly string[] = [],
    content: RequestParts = {},
  ) {
    const notified: { readonly state: string; readonly body: string; readonly at: number }[] = []
    this.wire.onRequest = (request) => {
      notified.push({ state: request.text('Subscription-State') ?? '', body: String(request.body), at: this.lab.clock.date() })
      if (this.answers(request)) this.wire.answer(request, 200)
    }
    const id = ++this.sent
    const before = this.wire.responses.length
    const own = [
      `Event: ${event}`,
      `Expires: ${expires}`,
      `Contact: <sip:${asker}@10.0.8.1:5060>`,
      `P-Asserted-Identity: <sip:${asker}@${domain}>`,
      ...(accept === undefined ? [] : [`Accept: ${accept}`]),
      ...lines,
    ]
    const names = { branch: `z9hG4bK-${id}`, callId: `ask-${id}`, cseq: id, via: '10.0.8.1;rport', lines: own }
    this.wire.send(Buffer.from(requestText('SUBSCRIBE', to, { ...names, ...content })))
    await this.lab.clock.advance(10)
    const answer = this.wire.responses.slice(before).find(({ status }) => status >= 200)
    const granted = answer?.text('Expires')
    return { status: answer?.status, warning: answer?.text('Warning'), expires: granted && Number(granted), notified }
  }
  get results(): readonly MoLrResult[] {
    return this.ues.bodies('mo-lr-result')
  }
  metric(name: string): number {
    return metric(this.lab.nodes.at(-1)!, name)
  }
  pass(seconds: number): Promise<void> {
    return this.lab.clock.advance(seconds * 1000)
  }
}
