/** A Push as its client has it: its source, its application, and its content out of any CPIM message around it. */
import { type Json, parseUri, seal } from '../../../signalling/index.ts'
import { innerContent } from '../../shared/values/cpim.ts'
import { wishesOf } from '../../shared/values/imdn.ts'
import type { IncomingMessage } from '../agents/agent.ts'

export interface ReceivedPush {
  readonly [member: string]: Json | undefined
  /** Of its repeats: source, Call-ID, CSeq number and From tag. */
  readonly key: string
  /** URI of its source; '' where that is hidden. */
  readonly source: string
  /** URI of From, which is one of its source. */
  readonly from: string
  /** Name that the source gives itself. */
  readonly displayName?: string
  /** URI under which it was reached. */
  readonly to: string
  /** '' where none is named. */
  readonly application: string
  readonly subject?: string
  /** Media type of the content, without parameters. */
  readonly type: string
  /** Base64. */
  readonly content: string
  readonly callId: string
  /** Name of the message in its receipts, and those that its sender asks for; absent: none. */
  readonly messageId?: string
  readonly wishes?: readonly string[]
  /** Milliseconds since the epoch at which it came. */
  readonly at: number
}

/** Bytes of its content. */
export function contentOf({ content }: Pick<ReceivedPush, 'content'>): Buffer {
  return Buffer.from(content, 'base64')
}

/**
 * Undefined: it is no Push, but an answer or a word of another service for this device. `unreadable`: its Content-Encoding is
 * not known.
 */
export function pushOf(message: IncomingMessage, at: number): ReceivedPush | 'unreadable' | undefined {
  const type = message.contentType ?? 'application/octet-stream'
  if (type.startsWith('application/vnd.proxima.') || message.text('In-Reply-To') !== undefined) return undefined
  const coded = { body: message.body, type, coding: message.text('Content-Encoding') }
  const inner = innerContent(coded)
  if (inner === undefined) return 'unreadable'
  const asked = wishesOf(coded, message.callId)
  const subject = message.text('Subject')
  const source = sourceOf(message)
  return {
    key: seal('', JSON.stringify([message.asserted ?? message.from, message.callId, message.cseq, message.fromTag]), 22),
    source,
    from: message.from,
    ...(message.name === undefined ? {} : { displayName: message.name.slice(0, 128) }),
    to: uriOf(message.text('To')) ?? '',
    application: message.text('Push-Application')?.trim() ?? '',
    ...(subject === undefined ? {} : { subject: subject.slice(0, 256) }),
    type: inner.type,
    content: inner.content.toString('base64'),
    callId: message.callId,
    ...(asked === undefined ? {} : { messageId: asked.messageId, wishes: asked.wishes }),
    at,
  }
}

/** As the network vouches; else From, which it has checked. From of a CPIM message is checked by Push servers alone. */
function sourceOf({ asserted, from }: IncomingMessage): string {
  const uri = asserted ?? from
  return parseUri(uri)?.host === 'anonymous.invalid' ? '' : uri
}

function uriOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : (/<([^<>]+)>/.exec(header)?.[1] ?? header.split(';', 1)[0]!.trim())
}
