/**
 * A proxy client (SPEC §5.3, §5.9): serves a program that knows no Push, both ways by HTTP on this machine. What the program
 * posts becomes a MESSAGE; what comes for its application is posted to it.
 */
import { isUtf8 } from 'node:buffer'
import type { Clock } from '../../../../signalling/index.ts'
import { readBytes, refuseCoding, typeOf } from '../../../shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../../../shared/http/page.ts'
import { pushHeaders, withTitleAndTags } from '../../../shared/http/push-headers.ts'
import type { HttpRequest, HttpRoute } from '../../../shared/http/route.ts'
import { isReady, type OutgoingPush, type PushConverter } from '../outgoing-push.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import { contentOf, type ReceivedPush } from '../received-push.ts'

/** Posts to the program, and resolves with its status. Rejects where it is not there. */
type ProgramPost = (headers: { readonly [name: string]: string }, content: Buffer) => Promise<number>

interface ProxyClientOptions {
  readonly client: UePushClient
  readonly clock: Clock
  /** Application identifier of the program. */
  readonly application: string
  /** Media types that it takes beside, where nobody else does. */
  readonly types?: readonly string[]
  /** Undefined: the program sends only. */
  readonly post: ProgramPost | undefined
  /** Media type -> converter of JSON of that type; the destination in it counts. */
  readonly converters?: { readonly [type: string]: PushConverter }
}

const text = 'text/plain; charset=utf-8'
const formType = 'application/x-www-form-urlencoded' // of curl -d
const longest = 65_535 // bytes of a message
const tries = 5
const firstPause = 1000 // milliseconds, doubled for each try

export class ProxyClient {
  private readonly options: ProxyClientOptions
  private readonly endRunning: (() => void) | undefined

  constructor(options: ProxyClientOptions) {
    const { application: id, client, post, types = [] } = options
    this.options = options
    this.endRunning = post && client.run({ id, types, knowsRepeats: true, take: (push) => this.postUntilTaken(push, post) })
  }
  end(): void {
    this.endRunning?.()
  }

  /** For programs on this machine. */
  get routes(): readonly HttpRoute[] {
    const description = { summary: 'Send by Push', responses: { 201: { description: 'a device has it, or it is stored' } } }
    const sending = { description, serve: (request: HttpRequest) => this.serve(request) }
    return [
      {
        path: '/push/{to}',
        isOpen: true,
        parameters: { to: 'Push address, or a name' },
        operations: { POST: sending, PUT: sending },
      },
      { path: '/push', isOpen: true, operations: { POST: sending } },
    ]
  }
  private async serve(request: HttpRequest): Promise<HttpPage> {
    if (!request.isLocal || !isLoopbackName(request.headers.host))
      throw new HttpProblem(403, 'Push is for programs on this machine only')
    refuseCoding(request)
    const bytes = await readBytes(request, longest)
    const convert = this.options.converters?.[typeOf(request)]
    const to = request.parameters['to']
    const push = convert === undefined ? this.pushOf(request, bytes) : converted(bytes, convert, to)
    const sent = await this.options.client.send(push)
    if (sent.status >= 300) throw problemOf(sent)
    return { ...json(201, { id: sent.messageId, state: sent.status === 202 ? 'stored' : 'delivered' }) }
  }
  private pushOf(request: HttpRequest, bytes: Buffer): OutgoingPush {
    const { to } = request.parameters
    if (to === undefined) throw new HttpProblem(404, 'expected /push/<whom>')
    const { headers, tags, title } = pushHeaders(request)
    const given = typeOf(request)
    const isText = given === '' || given === formType ? isUtf8(bytes) : given === 'text/plain'
    const named = given === '' || given === formType ? undefined : request.headers['content-type']
    const lifetime = headers.find(([name]) => name === 'Expires')?.[1]
    const found = (name: string): string | undefined => headers.find(([each]) => each === name)?.[1]
    return {
      to,
      application: this.options.application,
      type: named ?? (isText ? text : 'application/octet-stream'),
      content: isText ? withTitleAndTags(bytes.toString('utf8'), { tags, title }) : bytes,
      ...(title === undefined ? {} : { subject: title }),
      ...(lifetime === undefined ? {} : { lifetime: Number(lifetime) }),
      ...(found('Priority') === undefined ? {} : { priority: found('Priority') as 'normal' }),
      ...(found('Push-Topic') === undefined ? {} : { topic: found('Push-Topic')! }),
    }
  }

  /** Again while the program is not there or in trouble; it knows repeats by `Push-Id`. */
  private async postUntilTaken(push: ReceivedPush, post: ProgramPost): Promise<boolean> {
    const headers = {
      'Content-Type': push.type.startsWith('text/') ? `${push.type}; charset=utf-8` : push.type,
      'Push-Id': push.key,
      'Push-Source': push.source,
      'Push-Application': push.application,
      ...(push.subject === undefined ? {} : { Title: Buffer.from(push.subject).toString('latin1') }),
    }
    for (let i = 0; ; i++) {
      const status = await post(headers, contentOf(push)).catch(() => 503)
      if (status < 500) return status < 300
      if (i + 1 === tries) return false
      await new Promise<void>((resolve) => this.options.clock.after(firstPause * 2 ** i, resolve))
    }
  }
}

function converted(bytes: Buffer, convert: PushConverter, to: string | undefined) {
  let structure: unknown
  try {
    structure = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new HttpProblem(400, 'the body is not JSON')
  }
  const push = convert(structure)
  if (push === undefined) throw new HttpProblem(422, 'the converter makes no Push of that')
  return to === undefined || isReady(push) ? push : { ...push, to }
}

/** A page may have its own name lead to this machine: what it asks has that name as Host. */
function isLoopbackName(host = ''): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)
}

const statuses: { readonly [sip: number]: number } = {
  403: 403,
  404: 404,
  413: 413,
  415: 415,
  480: 503,
  485: 409,
  503: 503,
  513: 413,
}

function problemOf({ reason, status, warning }: SentPush): HttpProblem {
  const why = warning ?? `${status} ${reason}`
  const known = status === 503 && /\blimit \d+, used \d+/.test(why) ? 429 : statuses[status]
  return new HttpProblem(known ?? 502, known === undefined ? `the network answers ${status}: ${why}` : why)
}
