/** Forwarding by splicing: the raw slices of a message around its changes. Nothing untouched is printed again. */
import { type SipMessage, SipRequest, stride } from './message.ts'
import { H, nameId } from './names.ts'

/** The changes of a copy. */
export interface Edit {
  /** A new Request-URI. */
  readonly uri?: string
  /** Header lines, each with its CRLF, put before all others. */
  readonly top?: string
  /** Header lines, each with its CRLF, put behind all others. */
  readonly bottom?: string
  readonly maxForwards?: number
  /** Takes the topmost Via value away (responses), or replaces it by this text, a character an octet (requests: received and rport). */
  readonly via?: 'pop' | { readonly text: string }
  /** Fields to leave out: numbers from `H`. */
  readonly drop?: readonly number[]
  /** Fields to leave out that have no number, in lower case. */
  readonly dropNames?: readonly string[]
  /** Instead of the body; then `drop` has to name the fields that describe the old one. */
  readonly body?: string | Uint8Array
}

/** Splits names into numbered and other ones, for `Edit`. */
export function dropList(names: readonly string[]): { drop: number[]; dropNames: string[] } {
  const drop: number[] = []
  const dropNames: string[] = []
  for (const name of names) {
    const id = nameId(name)
    if (id > 0) drop.push(id)
    else dropNames.push(name.toLowerCase())
  }
  return { drop, dropNames }
}

/** Slices of the original and new texts, in order. */
class Pieces {
  /** Start and end pairs; an end of -1 means the text of that number. */
  private readonly ranges: number[] = []
  private readonly texts: (string | Uint8Array)[] = []

  keep(start: number, end: number): void {
    const { ranges } = this
    const last = ranges.length - 1
    if (last > 0 && ranges[last] === start) ranges[last] = end
    else if (end > start) ranges.push(start, end)
  }
  put(text: string | Uint8Array): void {
    this.ranges.push(this.texts.push(text) - 1, -1)
  }
  join(bytes: Buffer): Buffer {
    const { ranges, texts } = this
    let length = 0
    for (let i = 0; i < ranges.length; i += 2) {
      length += ranges[i + 1] === -1 ? Buffer.byteLength(texts[ranges[i]!]!) : ranges[i + 1]! - ranges[i]!
    }
    const out = Buffer.allocUnsafe(length)
    let at = 0
    for (let i = 0; i < ranges.length; i += 2) {
      const text = ranges[i + 1] === -1 ? texts[ranges[i]!]! : undefined
      if (typeof text === 'string') at += out.write(text, at)
      else if (text !== undefined) at += Buffer.from(text.buffer, text.byteOffset, text.length).copy(out, at)
      else at += bytes.copy(out, at, ranges[i], ranges[i + 1])
    }
    return out
  }
}

/** The bytes of `message` with the edit applied. A missing Content-Length is added, so that any transport may carry it. */
export function encode(message: SipMessage, edit: Edit): Buffer {
  const { bytes, index, headEnd } = message
  const pieces = new Pieces()
  const first = index.length > 0 ? index[1]! : headEnd
  if (edit.uri !== undefined && message instanceof SipRequest) pieces.put(`${message.method} ${edit.uri} SIP/2.0\r\n`)
  else pieces.keep(startOfMessage(bytes), first)
  if (edit.top !== undefined) pieces.put(edit.top)
  let viaPending = edit.via !== undefined
  let hopsPending = edit.maxForwards !== undefined
  let lengthMissing = true
  for (let i = 0; i < index.length; i += stride) {
    const id = index[i]!
    const start = index[i + 1]!
    const end = i + stride < index.length ? index[i + stride + 1]! : headEnd
    if (id === H.Via && viaPending) {
      viaPending = false
      const valueEnd = message.topViaEnd
      const comma = valueEnd < index[i + 3]!
      if (edit.via === 'pop') {
        if (comma) {
          pieces.keep(start, index[i + 2]!)
          pieces.keep(valueEnd + 1, end)
        }
      } else {
        pieces.keep(start, index[i + 2]!)
        const { text } = edit.via!
        pieces.put(/[^\0-\x7f]/.test(text) ? Buffer.from(text, 'latin1').toString() : text)
        pieces.keep(valueEnd, end)
      }
    } else if (id === H['Max-Forwards'] && hopsPending) {
      hopsPending = false
      pieces.put(`Max-Forwards: ${edit.maxForwards}\r\n`)
    } else if (edit.drop?.includes(id) && id !== 0) {
      // left out
    } else if (id === 0 && edit.dropNames !== undefined && edit.dropNames.includes(message.nameAt(i).toLowerCase())) {
      // left out
    } else {
      if (id === H['Content-Length']) lengthMissing = false
      pieces.keep(start, end)
    }
  }
  if (hopsPending) pieces.put(`Max-Forwards: ${edit.maxForwards}\r\n`)
  if (edit.bottom !== undefined) pieces.put(edit.bottom)
  const { body } = edit
  const length = body === undefined ? message.bodyEnd - message.bodyStart : Buffer.byteLength(body)
  if (lengthMissing) pieces.put(`Content-Length: ${length}\r\n`)
  if (typeof body === 'string') pieces.put(`\r\n${body}`)
  else if (body !== undefined) {
    pieces.put('\r\n')
    pieces.put(body)
  } else if (message.bodyStart > headEnd) pieces.keep(headEnd, message.bodyEnd)
  else pieces.put('\r\n')
  return pieces.join(bytes)
}

function startOfMessage(bytes: Buffer): number {
  let start = 0
  while (bytes[start] === 13 || bytes[start] === 10) start++
  return start
}
