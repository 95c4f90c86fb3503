/** The command line's side of the HTTP interface to subscribers: every failure is one line for its user. */
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import { CommandRefusal } from '../support/refusal.ts'

interface HttpRequestParts {
  readonly body?: unknown
  /** Media type of the body, which is JSON unless it is text. */
  readonly type?: string
  /** Only if its ETag is still this one. */
  readonly ifMatch?: string
  /** Only if there is none yet. */
  readonly ifNone?: boolean
}

export interface HttpAnswer<Value> {
  readonly value: Value
  readonly status: number
  readonly tag: string | undefined
}

/** One page of a list. */
export interface SubscriberPage {
  readonly subscribers: readonly SubscriberSettings[]
  readonly total: number
  readonly next?: string
}

interface ProblemBody {
  readonly detail?: string
  readonly title?: string
}

/** The node cannot be reached, or goes away while it is asked. */
export class UnreachableNode extends CommandRefusal {}

export class SubscriberClient {
  readonly url: string
  private readonly token: string
  private readonly tokenFrom: string

  /**
   * @param tokenFrom the place of the token, for errors
   */
  constructor(url: string, token: string, tokenFrom: string) {
    this.url = url.replace(/\/$/, '')
    this.token = token
    this.tokenFrom = tokenFrom
  }

  /** `path` below the node's address. Throws a `CommandRefusal` for everything but a 2xx. */
  async ask<Value>(
    method: string,
    path: string,
    { body, type = 'application/json', ifMatch, ifNone }: HttpRequestParts = {},
  ): Promise<HttpAnswer<Value>> {
    const headers = new Headers({ Authorization: `Bearer ${this.token}` })
    if (body !== undefined) headers.set('Content-Type', type)
    if (ifMatch !== undefined) headers.set('If-Match', ifMatch)
    if (ifNone === true) headers.set('If-None-Match', '*')
    const content = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    let response: Response
    let text: string
    try {
      response = await fetch(this.url + path, { method, headers, body: content, redirect: 'error' })
      text = await response.text()
    } catch (error) {
      throw this.unreachable(error)
    }
    const value = parsed(text)
    if (!response.ok) throw this.refused(response.status, value as ProblemBody, ifNone === true)
    return { value: value as Value, status: response.status, tag: response.headers.get('ETag') ?? undefined }
  }

  private unreachable(error: unknown): UnreachableNode {
    const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
    const why = cause?.code === 'ECONNREFUSED' ? '' : ` (${cause?.code ?? cause?.message ?? String(error)})`
    return new UnreachableNode(`no node answers at ${this.url}${why}; start it, or say where it is with --url`, error)
  }

  private refused(status: number, { detail, title }: ProblemBody, ifNone: boolean): CommandRefusal {
    if (status === 401)
      return new CommandRefusal(
        `the node at ${this.url} takes another token than ${this.tokenFrom}; name its dialplan with --dialplan, or its token with --token-file`,
      )
    if (status === 412 && ifNone) return new CommandRefusal('there is one already; change it with `proxima hss set`')
    if (status === 412) return new CommandRefusal('somebody else has changed it meanwhile; look at it again')
    if (detail === undefined && title === undefined)
      return new CommandRefusal(`what answers at ${this.url} with ${status} is no Proxima node; say where one is with --url`)
    return new CommandRefusal(detail ?? `${status} ${title}`)
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    return {} // not one of ours; the status is told
  }
}
