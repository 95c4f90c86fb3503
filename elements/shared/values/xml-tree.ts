/** XML of peers as a tree (SPEC §8.5): namespaces resolved, depth and size bounded, and never a DOCTYPE. */
import { isUtf8 } from 'node:buffer'
import { SaxesParser, type SaxesTagNS } from 'saxes'

export interface XmlElement {
  readonly namespace: string
  readonly name: string
  /** Without those that declare namespaces; by name alone, or `<namespace> <name>` where they have one. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Its own text, without that of its children. */
  readonly text: string
}

const mostBytes = 65_536
const deepest = 64
const xmlns = 'http://www.w3.org/2000/xmlns/'

interface Open extends XmlElement {
  readonly children: XmlElement[]
  text: string
}

/** The root element, or the fault of the document for people. */
export function readXml(body: Uint8Array): XmlElement | { readonly fault: string } {
  if (body.length > mostBytes) return { fault: `the document has ${body.length} bytes; expected ${mostBytes} at most` }
  if (!isUtf8(body)) return { fault: 'the document is not UTF-8' }
  const open: Open[] = []
  let root: XmlElement | undefined
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (fault) => {
    throw fault
  })
  parser.on('doctype', () => {
    throw new Error('a DOCTYPE is not taken')
  })
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(?:utf-8|us-ascii)$/i.test(encoding))
      throw new Error(`it says that it is ${encoding}, not UTF-8`)
  })
  parser.on('opentag', (tag: SaxesTagNS) => {
    if (open.length >= deepest) throw new Error(`elements are more than ${deepest} deep`)
    const element: Open = { namespace: tag.uri, name: tag.local, attributes: attributesOf(tag), children: [], text: '' }
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  const addText = (text: string): void => {
    const element = open.at(-1)
    if (element !== undefined) element.text += text
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => open.pop())
  try {
    parser.write(Buffer.from(body).toString()).close()
  } catch (fault) {
    return { fault: (fault as Error).message.replaceAll('\n', ' ').slice(0, 200) }
  }
  return root ?? { fault: 'the document has no element' }
}

function attributesOf({ attributes }: SaxesTagNS): ReadonlyMap<string, string> {
  const own = Object.values(attributes).filter(({ prefix, uri }) => uri !== xmlns && prefix !== 'xmlns')
  return new Map(own.map(({ local, uri, value }) => [uri === '' ? local : `${uri} ${local}`, value]))
}
