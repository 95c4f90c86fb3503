/** A registrar in virtual time and bare wires around it, which say whatever the test wants. */
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy, type ProxySettings } from '../../../elements/proxy/index.ts'
import type { Element, SipResponse, Store } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { type RequestParts, requestText, Wire } from '../../support/wire.ts'

export interface Asked extends RequestParts {
  readonly contact?: string | readonly string[]
}

export class RegistrarScene {
  readonly lab: Lab
  readonly store: Store
  private readonly settings: ProxySettings
  private readonly others: () => readonly Element[]
  private count = 0

  private constructor(lab: Lab, settings: ProxySettings, others: () => readonly Element[]) {
    this.lab = lab
    this.store = memoryStore(lab.clock)
    this.settings = settings
    this.others = others
  }
  /** Without passwords; users are whoever they say. 10.0.8.1 is a trusted peer. */
  static async open(settings: ProxySettings = {}, others: () => readonly Element[] = () => []): Promise<RegistrarScene> {
    const lab = new Lab()
    lab.trusted.push('10.0.8.1')
    const scene = new RegistrarScene(lab, { authenticate: 'none', registration: 'optional', ...settings }, others)
    await scene.start()
    return scene
  }
  async start(): Promise<void> {
    const elements = [createProxy('proxy', this.settings), createHss('hss', { open: true }), ...this.others()]
    await this.lab.serve(['localhost', '10.0.0.1'], elements, this.store)
  }
  /** Ends the server and starts it again over the same store. */
  async restart(): Promise<void> {
    await this.lab.nodes.pop()!.stop(0)
    await this.start()
  }
  wire(host: string, port = 5060): Promise<Wire> {
    return Wire.at(this.lab, host, port)
  }
  text(method: string, uri: string, parts: Asked = {}): string {
    const { contact, lines = [], ...rest } = parts
    const contacts = contact === undefined ? [] : typeof contact === 'string' ? [contact] : contact
    const branch = `z9hG4bK-${++this.count}`
    const all = [...contacts.map((value) => `Contact: ${value}`), ...lines]
    return requestText(method, uri, { branch, cseq: this.count, via: '10.0.9.9;rport', ...rest, lines: all })
  }
  /** Sends it, lets a second pass, and gives the last final answer to it. */
  async ask(wire: Wire, method: string, uri: string, parts: Asked = {}): Promise<SipResponse> {
    const before = wire.responses.length
    wire.send(this.text(method, uri, parts))
    await this.lab.clock.advance(1000)
    return wire.responses.slice(before).findLast(({ status }) => status >= 200)!
  }
  register(wire: Wire, user: string, contact: string | readonly string[], parts: Asked = {}): Promise<SipResponse> {
    const aor = `sip:${user}@localhost`
    return this.ask(wire, 'REGISTER', 'sip:localhost', { from: aor, to: aor, callId: `reg-${wire.here.host}`, contact, ...parts })
  }
  message(wire: Wire, to: string, parts: Asked = {}): Promise<SipResponse> {
    const from = `sip:from-${wire.here.host}@elsewhere.example`
    return this.ask(wire, 'MESSAGE', to, { from, callId: `message-${this.count}`, ...parts })
  }
}

/** A Contact of an instance, with `reg-id` if one is given. */
export function contactOf(uri: string, instance: number, regId?: number): string {
  return `<${uri}>;+sip.instance="<urn:uuid:0000000${instance}-0000-4000-8000-000000000000>"${regId === undefined ? '' : `;reg-id=${regId}`}`
}

/** Answers every request with that status. */
export function answering(wire: Wire, status = 200): Wire {
  wire.onRequest = (request) => {
    if (request.method !== 'ACK') wire.answer(request, status)
  }
  return wire
}

/** Parameter of a Contact in a 200 to REGISTER; undefined: it is not there. */
export function parameterOf(contact: string, name: string): string | undefined {
  return new RegExp(`;${name}="([^"]*)"`).exec(contact)?.[1]
}
