/** Answers of the node's HTTP side, and problems with a request (RFC 9457). */

export interface HttpPage {
  readonly status: number
  readonly type?: string
  readonly text?: string
  readonly headers?: { readonly [name: string]: string }
}

/** One member of a request body that is to blame. `pointer`: RFC 6901; '' is the whole. */
interface MemberFault {
  readonly pointer: string
  readonly detail: string
}

const titles: { readonly [status: number]: string } = {
  400: 'Bad request',
  401: 'Not authorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Changed since',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Not as expected',
  429: 'Too many requests',
  500: 'Internal fault',
  502: 'Refused elsewhere',
  503: 'Not ready',
}

/** Ends a request with a problem. */
export class HttpProblem extends Error {
  readonly status: number
  readonly errors: readonly MemberFault[]
  readonly headers: { readonly [name: string]: string }
  constructor(
    status: number,
    detail: string,
    { errors = [], headers = {} }: { errors?: readonly MemberFault[]; headers?: { readonly [name: string]: string } } = {},
  ) {
    super(detail)
    this.name = 'HttpProblem'
    this.status = status
    this.errors = errors
    this.headers = headers
  }

  page(): HttpPage {
    const { status, message: detail, errors, headers } = this
    const title = titles[status] ?? 'Fault'
    const body = { type: 'about:blank', title, status, detail, ...(errors.length > 0 ? { errors } : {}) }
    return { ...json(status, body, 'application/problem+json'), headers }
  }
}

export function json(status: number, value: unknown, type = 'application/json'): HttpPage {
  return { status, type, text: `${JSON.stringify(value)}\n` }
}
