/**
 * Check of a published document before it goes to watchers. The XML must be well-formed (RFC 3863 §4). Of PIDF it
 * checks the root element, its `entity`, and that each tuple has an identifier of its own and a status. It does not
 * validate against a schema, and other namespaces may say anything. No DOCTYPE, so no entity but the five of
 * XML.
 */
import { isUtf8 } from 'node:buffer'
import { escaped } from '../shared/values/xml.ts'

/** A child of the root element, as written. */
export interface Part {
  /** `<namespace> <local name>` */
  readonly meaning: string
  readonly source: string
  /** End of the start tag's name in `source`. */
  readonly nameEnd: number
  /** End of its start tag in `source`. */
  readonly tagEnd: number
  readonly id: string | undefined
  /** Declarations of the prefixes of its root that it uses, for its start tag where it stands under another root. */
  readonly added: string
}

export interface Pidf {
  readonly entity: string
  readonly parts: readonly Part[]
  /** Prefix -> namespace of the root element; '' is the default one. */
  readonly namespaces: ReadonlyMap<string, string>
}

/** A sound document, or its fault. */
type PidfCheck = (Pidf & { readonly fault?: undefined }) | { readonly entity?: undefined; readonly fault: string }

interface Open {
  readonly name: string
  /** `<namespace> <local name>` */
  readonly meaning: string
  readonly namespaces: Scope
  hasStatus: boolean
}

export const pidf = 'urn:ietf:params:xml:ns:pidf'
const depth = 32
const nameStart =
  'A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd'
const ncName = `[${nameStart}][${nameStart}0-9.\\u00b7\\u0300-\\u036f\\u203f\\u2040-]*`
const qName = `${ncName}(?::${ncName})?`
const declaration =
  /^\uFEFF?(?:<\?xml\s+version\s*=\s*(["'])1\.\d\1(?:\s+encoding\s*=\s*(["'])([\w.-]+)\2)?(?:\s+standalone\s*=\s*(["'])(?:yes|no)\4)?\s*\?>)?/
// characters that XML 1.0 §2.2 forbids
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const text = /[^<]*/y
const instruction = new RegExp(`^(?!xml$)${ncName}$`, 'i')
const endTag = new RegExp(`</(${qName})\\s*>`, 'y')
const startTag = new RegExp(`<(${qName})((?:\\s+${qName}\\s*=\\s*(?:"[^<"]*"|'[^<']*'))*)\\s*(/?)>`, 'y')
const attribute = new RegExp(`(${qName})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g')
const reference = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g
const named: { readonly [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

// any text before a colon: a value may be a name with a prefix too
const prefixed = /(?<![^\s<>"'=/:&;!?])([^\s<>"'=/:&;!?]+):/g

class Malformed extends Error {}

/** The child of the root element that is being read. */
interface Begun extends Omit<Part, 'source' | 'added'> {
  readonly from: number
  readonly attributes: ReadonlyMap<string, string>
}

export function checkPidf(body: Uint8Array): PidfCheck {
  if (!isUtf8(body)) return { fault: 'the document is not UTF-8' }
  try {
    return new Reader(new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)).read()
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault
    return { fault: fault.message }
  }
}

class Reader {
  private readonly source: string
  private readonly open: Open[] = []
  private readonly tuples = new Set<string>()
  private readonly parts: Part[] = []
  private part: Begun | undefined
  private namespaces: ReadonlyMap<string, string> = new Map()
  /** Declarations of its prefixes that have been used, written once. */
  private readonly declarations = new Map<string, string>()
  private entity: string | undefined
  private at = 0

  constructor(source: string) {
    this.source = source
  }

  read(): Pidf {
    const { source } = this
    if (forbidden.test(source)) throw new Malformed('the document has a character that XML forbids')
    const [head, , , encoding = 'utf-8'] = declaration.exec(source)!
    if (!/^(?:utf-8|us-ascii)$/i.test(encoding)) throw new Malformed(`the document says that it is ${encoding}, not UTF-8`)
    this.at = head.length
    while (this.at < source.length) this.next()
    const last = this.open.at(-1)
    if (last !== undefined) throw new Malformed(`<${last.name}> is not closed`)
    if (this.entity === undefined) throw new Malformed('the document has no element')
    return { entity: this.entity, parts: this.parts, namespaces: this.namespaces }
  }

  private next(): void {
    const characters = this.take(text)![0]
    if (this.open.length === 0 ? /[^ \t\r\n]/.test(characters) : characters.includes(']]>')) {
      throw new Malformed('text stands where none may')
    }
    plain(characters)
    if (this.at === this.source.length) return
    const remark = this.between('<!--', '-->')
    if (remark?.includes('--') || remark?.endsWith('-')) throw new Malformed('-- stands in a comment')
    if (remark !== undefined) return
    const instructionText = this.between('<?', '?>')
    if (instructionText !== undefined && !instruction.test(instructionText.split(/\s/, 1)[0]!))
      throw new Malformed('an instruction has no name')
    if (instructionText !== undefined || (this.open.length > 0 && this.between('<![CDATA[', ']]>') !== undefined)) return
    const end = this.take(endTag)
    if (end) return this.close(end[1]!)
    const from = this.at
    const start = this.take(startTag)
    if (!start) throw new Malformed(this.whyNoTag())
    this.start(start[1]!, start[2]!, from)
    if (start[3] === '/') this.close(start[1]!)
  }

  private whyNoTag(): string {
    const { source, at } = this
    if (source.startsWith('<!DOCTYPE', at)) return 'a DOCTYPE is not taken'
    const line = source.slice(0, at).split('\n').length
    return `line ${line}: what begins with ${source.slice(at, at + 20).replace(/\s+/g, ' ')} is no well-formed tag`
  }
  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.source)
    if (found) this.at += found[0].length
    return found
  }

  private between(opening: string, closing: string): string | undefined {
    if (!this.source.startsWith(opening, this.at)) return undefined
    const from = this.at + opening.length
    const end = this.source.indexOf(closing, from)
    if (end < 0) throw new Malformed(`${opening} has no end`)
    this.at = end + closing.length
    return this.source.slice(from, end)
  }

  private start(name: string, written: string, from: number): void {
    const parent = this.open.at(-1)
    if (parent === undefined && this.entity !== undefined) throw new Malformed('there is more than one root element')
    if (this.open.length === depth) throw new Malformed(`elements stand more than ${depth} deep`)
    const attributes = attributesOf(name, written)
    const namespaces = declared(attributes, parent?.namespaces ?? outermost)
    const meaning = meaningOf(name, namespaces, namespaces.get('') ?? '')
    const seen = new Set<string>()
    for (const attribute of attributes.keys()) {
      const meant = attribute.startsWith('xmlns') ? attribute : meaningOf(attribute, namespaces, '')
      if (seen.has(meant)) throw new Malformed(`<${name}> has ${attribute} twice`)
      seen.add(meant)
    }
    if (parent === undefined) this.root(meaning, attributes.get('entity'), namespaces)
    else if (parent.meaning === `${pidf} tuple` && meaning === `${pidf} status`) parent.hasStatus = true
    if (meaning === `${pidf} tuple`) this.tuple(attributes.get('id'))
    if (this.open.length === 1) {
      const tagEnd = this.at - 1 - from
      this.part = { meaning, nameEnd: name.length + 1, tagEnd, id: attributes.get('id'), from, attributes }
    }
    this.open.push({ name, meaning, namespaces, hasStatus: false })
  }
  private root(meaning: string, entity: string | undefined, { own }: Scope): void {
    if (meaning !== `${pidf} presence`) throw new Malformed(`the root element must be presence of ${pidf}`)
    if (entity === undefined) throw new Malformed('presence has no entity')
    this.entity = entity
    this.namespaces = own
  }
  private tuple(id: string | undefined): void {
    if (id === undefined || id === '') throw new Malformed('a tuple has no id')
    if (this.tuples.has(id)) throw new Malformed('two tuples have the same id')
    this.tuples.add(id)
  }
  private close(name: string): void {
    const open = this.open.pop()
    if (open?.name !== name) throw new Malformed(`</${name}> closes ${open === undefined ? 'nothing' : `<${open.name}>`}`)
    if (open.meaning === `${pidf} tuple` && !open.hasStatus) throw new Malformed('a tuple has no status')
    if (this.open.length !== 1 || this.part === undefined) return
    const { from, attributes, ...part } = this.part
    const source = this.source.slice(from, this.at)
    this.parts.push({ ...part, source, added: this.addedTo(source, attributes) })
  }
  private addedTo(source: string, own: ReadonlyMap<string, string>): string {
    let added = own.has('xmlns') ? '' : this.declarationOf('')
    const seen = new Set<string>()
    for (const [, prefix] of source.matchAll(prefixed)) {
      if (seen.has(prefix!)) continue
      seen.add(prefix!)
      if (!own.has(`xmlns:${prefix}`)) added += this.declarationOf(prefix!)
    }
    return added
  }
  /** Empty where the root has none, or another root would say the same. */
  private declarationOf(prefix: string): string {
    let text = this.declarations.get(prefix)
    if (text !== undefined) return text
    const namespace = this.namespaces.get(prefix) ?? (prefix === '' ? '' : undefined)
    if (namespace === undefined || (prefix === '' && namespace === pidf)) text = ''
    else text = ` xmlns${prefix === '' ? '' : `:${prefix}`}="${escaped(namespace)}"`
    this.declarations.set(prefix, text)
    return text
  }
}

function attributesOf(element: string, written: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, double, single] of written.matchAll(attribute)) {
    if (attributes.has(name!)) throw new Malformed(`<${element}> has ${name} twice`)
    attributes.set(name!, plain(double ?? single ?? ''))
  }
  return attributes
}

/** Prefixes that an element declares, over those of its ancestors: nothing of theirs is copied. */
class Scope {
  readonly own: ReadonlyMap<string, string>
  private readonly outer: Scope | undefined
  constructor(own: ReadonlyMap<string, string>, outer?: Scope) {
    this.own = own
    this.outer = outer
  }
  get(prefix: string): string | undefined {
    return this.own.get(prefix) ?? this.outer?.get(prefix)
  }
}

const outermost = new Scope(new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]))

function declared(attributes: ReadonlyMap<string, string>, before: Scope): Scope {
  let namespaces: Map<string, string> | undefined
  for (const [name, value] of attributes) {
    if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue
    if (value === '' && name !== 'xmlns') throw new Malformed(`${name} is empty`)
    namespaces ??= new Map()
    namespaces.set(name.slice('xmlns:'.length), value)
  }
  return namespaces === undefined ? before : new Scope(namespaces, before)
}

function meaningOf(name: string, namespaces: Scope, usual: string): string {
  const colon = name.indexOf(':')
  if (colon < 0) return `${usual} ${name}`
  const namespace = namespaces.get(name.slice(0, colon))
  if (namespace === undefined) throw new Malformed(`the prefix of ${name} is not declared`)
  return `${namespace} ${name.slice(colon + 1)}`
}

/** Text with its references resolved. */
function plain(written: string): string {
  if (!written.includes('&')) return written
  return written.replace(reference, (whole, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return named[name]!
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    const sound = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && (code >= 32 || code === 9 || code === 10 || code === 13)
    if (!sound || code === 0xfffe || code === 0xffff) throw new Malformed(`${whole} stands for no character`)
    return String.fromCodePoint(code)
  })
}
