/** CPIM messages (RFC 3862): header fields of the message, then those of its content, then the content. */
import { parseAddress } from '../../../signalling/index.ts'
import { type CodedBody, plainBody } from './body-coding.ts'
import { mediaTypeOf } from './media-type.ts'

type CpimFields = readonly (readonly [name: string, value: string])[]

export interface CpimMessage {
  /** Names count in their case (RFC 3862 §2.1). */
  readonly fields: CpimFields
  readonly contentFields: CpimFields
  /** Media type of the content; text where none is named (RFC 2045 §5.2). */
  readonly type: string
  readonly content: Buffer
}

export const cpimType = 'message/cpim'
const mostFields = 100
const longestHead = 16_384 // bytes

/** The CPIM message that a body is. Undefined: it is none, or cannot be unpacked. */
export function cpimIn(coded: CodedBody): CpimMessage | undefined {
  const body = mediaTypeOf(coded.type) === cpimType ? plainBody(coded) : undefined
  return body && parseCpim(body)
}

/** Content of a body, out of any CPIM message around it. Undefined: it cannot be unpacked. */
export function innerContent(coded: CodedBody): Pick<CpimMessage, 'type' | 'content'> | undefined {
  const cpim = cpimIn(coded)
  const content = cpim?.content ?? plainBody(coded)
  return content && { type: cpim?.type ?? mediaTypeOf(coded.type), content }
}

/** Undefined: it is none. */
function parseCpim(body: Buffer): CpimMessage | undefined {
  const message = head(body, 0)
  const content = message && head(body, message.end)
  if (message === undefined || content === undefined) return undefined
  const type = content.fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  return {
    fields: message.fields,
    contentFields: content.fields,
    type: mediaTypeOf(type) || 'text/plain',
    content: body.subarray(content.end),
  }
}

/** The value of a message's field, by its name in any namespace prefix: `imdn.Message-ID`. */
export function cpimField({ fields }: CpimMessage, name: string): string | undefined {
  return fields.find(([own]) => own === name)?.[1]
}

/** URI of From; undefined: there is none, or it is no address. */
export function cpimFrom(message: CpimMessage): string | undefined {
  const from = cpimField(message, 'From')
  return from === undefined ? undefined : parseAddress(from)?.uri.text
}

/** Fields up to the empty line that ends them. */
function head(body: Buffer, start: number): { readonly fields: CpimFields; readonly end: number } | undefined {
  const fields: [string, string][] = []
  let at = start
  while (at < body.length && at - start < longestHead && fields.length < mostFields) {
    const lineEnd = body.indexOf(10, at)
    if (lineEnd < 0) return undefined
    const line = body.subarray(at, body[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd).toString()
    at = lineEnd + 1
    if (line === '') return { fields, end: at }
    const colon = line.indexOf(':')
    if (colon < 1) return undefined
    fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  return undefined
}

/** A body of `message/cpim` with those fields; text that its content is, or bytes. */
export function cpimBody(
  fields: CpimFields,
  contentFields: CpimFields,
  content: string | Uint8Array,
): { readonly type: string; readonly content: Buffer } {
  const lines = [...fields, ['', ''], ...contentFields, ['', '']].map(([name, value]) =>
    name === '' ? '' : `${name}: ${oneLine(value!)}`,
  )
  return { type: cpimType, content: Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n`), Buffer.from(content)]) }
}

/** RFC 3862 §2.1: control characters would begin another field. */
function oneLine(value: string): string {
  return value.replace(/[\0-\x1f\x7f]+/g, ' ')
}
