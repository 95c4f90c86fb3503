/**
 * A received message: immutable bytes with an index of its header fields. A value is decoded when first asked for, never
 * twice. Changing a message means an edit (`edit.ts`).
 */
import { type Address, parseAddress, parseAddressList } from './address.ts'
import {
  type CSeq,
  parseCSeq,
  parseSeconds,
  parseToken,
  parseVia,
  splitList,
  type ValueWithParameters,
  type Via,
} from './fields.ts'
import { unfold } from './folding.ts'
import { H, nameId, nameOf } from './names.ts'
import { parseUri, type Uri } from './uri.ts'

/** Why a message cannot be served: the status to answer and a text for `Warning`. */
export interface MessageFault {
  readonly status: number
  readonly text: string
}

/** Numbers a header takes in the index: name id, start of its line, start and end of its value. */
export const stride = 4

export abstract class SipMessage {
  readonly bytes: Buffer
  /** `stride` numbers a header field, in order. */
  readonly index: readonly number[]
  /** Start of the empty line that ends the header. */
  readonly headEnd: number
  readonly bodyStart: number
  readonly bodyEnd: number
  /** The verdict of scan and validation; undefined: sound. */
  fault: MessageFault | undefined

  private topVia: Via | undefined | null
  private viaEnd: number
  private cseqValue: CSeq | undefined
  private fromValue: Address | undefined
  private toValue: Address | undefined
  private toTagValue: string | undefined = undefined // asked for at each step of a request

  constructor(bytes: Buffer, index: readonly number[], headEnd: number, bodyStart: number, bodyEnd: number) {
    this.bytes = bytes
    this.index = index
    this.headEnd = headEnd
    this.bodyStart = bodyStart
    this.bodyEnd = bodyEnd
    this.fault = undefined
    this.topVia = null
    this.viaEnd = -2
    this.cseqValue = undefined
    this.fromValue = undefined
    this.toValue = undefined
  }

  /** Position in the index of the first field with that number at or after `from`; -1 if there is none. */
  find(id: number, from = 0): number {
    const { index } = this
    for (let i = from; i < index.length; i += stride) if (index[i] === id) return i
    return -1
  }
  /** The value at a position of the index, unfolded. */
  at(position: number): string {
    const text = this.bytes.toString('utf8', this.index[position + 2], this.index[position + 3])
    return unfold(text)
  }
  /** The name at a position of the index, as sent. */
  nameAt(position: number): string {
    const line = this.bytes.toString('latin1', this.index[position + 1], this.index[position + 2])
    return line.slice(0, line.indexOf(':')).trimEnd()
  }
  private matches(position: number, id: number, name: string | number): boolean {
    if (this.index[position] !== id) return false
    return id !== 0 || this.nameAt(position).toLowerCase() === (name as string).toLowerCase()
  }
  /** First value of that field (number from `H`, or any name), unfolded; undefined if there is none. */
  text(name: number | string): string | undefined {
    if (typeof name === 'number') {
      const position = this.find(name)
      return position < 0 ? undefined : this.at(position)
    }
    const id = nameId(name)
    for (let i = 0; i < this.index.length; i += stride) if (this.matches(i, id, name)) return this.at(i)
    return undefined
  }
  /** All values of that field, one a line. */
  texts(name: number | string): string[] {
    const id = typeof name === 'number' ? name : nameId(name)
    const values: string[] = []
    for (let i = 0; i < this.index.length; i += stride) if (this.matches(i, id, name)) values.push(this.at(i))
    return values
  }
  /** All values of that field, comma lists taken apart. */
  list(name: number | string): string[] {
    return this.texts(name).flatMap(splitList)
  }
  has(name: number | string): boolean {
    const id = typeof name === 'number' ? name : nameId(name)
    return id === 0 ? this.text(name) !== undefined : this.find(id) >= 0
  }
  /** Every header field in its order, a known one by its long name. */
  get headers(): [name: string, value: string][] {
    const all: [string, string][] = []
    for (let i = 0; i < this.index.length; i += stride) all.push([nameOf(this.index[i]!) || this.nameAt(i), this.at(i)])
    return all
  }

  /** Index of the end of the topmost Via value: the end of its line, or the comma behind it. -1 without a Via. */
  get topViaEnd(): number {
    if (this.viaEnd === -2) this.viaEnd = this.findViaEnd()
    return this.viaEnd
  }
  private findViaEnd(): number {
    const position = this.find(H.Via)
    if (position < 0) return -1
    const end = this.index[position + 3]!
    let quoted = false
    for (let i = this.index[position + 2]!; i < end; i++) {
      const byte = this.bytes[i]
      if (byte === 34) quoted = !quoted
      else if (byte === 92 && quoted) i++
      else if (byte === 44 && !quoted) return i
    }
    return end
  }
  /** The topmost Via; undefined if there is none or it is malformed. */
  get via(): Via | undefined {
    if (this.topVia === null) {
      const position = this.find(H.Via)
      const text = position < 0 ? '' : this.bytes.toString('latin1', this.index[position + 2], this.topViaEnd)
      this.topVia = parseVia(unfold(text))
    }
    return this.topVia
  }
  get vias(): (Via | undefined)[] {
    return this.list(H.Via).map(parseVia)
  }
  get callId(): string {
    return this.text(H['Call-ID']) ?? ''
  }
  get cseq(): CSeq {
    return (this.cseqValue ??= parseCSeq(this.text(H.CSeq) ?? '') ?? { number: 0, method: '' })
  }
  /** Of a sound message. */
  get from(): Address {
    return (this.fromValue ??= parseAddress(this.text(H.From) ?? '') ?? nobody)
  }
  /** False: it only looks like an address, and `from` is nobody. */
  get fromIsSound(): boolean {
    return this.from !== nobody
  }
  get to(): Address {
    return (this.toValue ??= parseAddress(this.text(H.To) ?? '') ?? nobody)
  }
  get fromTag(): string {
    return this.mayHaveTag(H.From) ? (this.from.parameters.get('tag') ?? '') : ''
  }
  get toTag(): string {
    return (this.toTagValue ??= this.mayHaveTag(H.To) ? (this.to.parameters.get('tag') ?? '') : '')
  }
  /** False where no `tag` stands in the value: then it need not be parsed. */
  private mayHaveTag(id: number): boolean {
    const position = this.find(id)
    return position >= 0 && /tag/i.test(this.bytes.toString('latin1', this.index[position + 2], this.index[position + 3]))
  }
  /** Contacts; `*` alone; undefined where one is malformed. */
  get contacts(): readonly Address[] | '*' | undefined {
    const values = this.texts(H.Contact)
    if (values.length === 1 && values[0]!.trim() === '*') return '*'
    return values.length === 0 ? [] : parseAddressList(values.join(','))
  }
  /** URI of the first Contact; undefined: there is none, it is `*` or malformed. */
  get contactUri(): Uri | undefined {
    const { contacts } = this
    return contacts === '*' ? undefined : contacts?.[0]?.uri
  }
  get routes(): readonly Address[] | undefined {
    const values = this.texts(H.Route)
    return values.length === 0 ? [] : parseAddressList(values.join(','))
  }
  get recordRoutes(): readonly Address[] | undefined {
    const values = this.texts(H['Record-Route'])
    return values.length === 0 ? [] : parseAddressList(values.join(','))
  }
  /** The P-Asserted-Identity values that are addresses. Trust is the caller's to judge. */
  get asserted(): readonly Address[] {
    return this.list(H['P-Asserted-Identity']).flatMap((text) => parseAddress(text) ?? [])
  }
  /** Seconds. */
  get expires(): number | undefined {
    const text = this.text(H.Expires)
    return text === undefined ? undefined : parseSeconds(text)
  }
  /** The Event field, package name in lower case. */
  get event(): ValueWithParameters | undefined {
    const text = this.text(H.Event)
    return text === undefined ? undefined : parseToken(text)
  }
  /** Media type without parameters, in lower case; undefined if there is none. */
  get contentType(): string | undefined {
    const text = this.text(H['Content-Type'])
    return text === undefined ? undefined : parseToken(text).value
  }
  get body(): Buffer {
    return this.bytes.subarray(this.bodyStart, this.bodyEnd)
  }
  toString(): string {
    return this.bytes.toString('utf8', 0, this.bodyEnd)
  }
}

const nobody: Address = { display: '', uri: parseUri('sip:anonymous@anonymous.invalid')!, parameters: new Map() }

export class SipRequest extends SipMessage {
  readonly kind = 'request'
  readonly method: string
  readonly uriText: string
  private uriValue: Uri | undefined | null = null
  private hops: number | undefined = undefined
  constructor(
    method: string,
    uriText: string,
    bytes: Buffer,
    index: readonly number[],
    headEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ) {
    super(bytes, index, headEnd, bodyStart, bodyEnd)
    this.method = method
    this.uriText = uriText
  }
  /** The Request-URI; of a sound message. */
  get uri(): Uri {
    if (this.uriValue === null) this.uriValue = parseUri(this.uriText)
    return this.uriValue ?? nobody.uri
  }
  get uriIsSound(): boolean {
    return this.uri !== nobody.uri
  }
  /** 70 where the field is missing, as RFC 3261 §16.6 has it for old clients. */
  get maxForwards(): number {
    return (this.hops ??= parseSeconds(this.text(H['Max-Forwards']) ?? '') ?? 70)
  }
}

export class SipResponse extends SipMessage {
  readonly kind = 'response'
  readonly status: number
  readonly reason: string
  constructor(
    status: number,
    reason: string,
    bytes: Buffer,
    index: readonly number[],
    headEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ) {
    super(bytes, index, headEnd, bodyStart, bodyEnd)
    this.status = status
    this.reason = reason
  }
}
