/** Access to the interface to subscribers: by token, and from this machine only unless the dialplan says otherwise. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { HttpProblem } from '../../elements/shared/http/page.ts'
import { randomIds, sameSecret } from '../../signalling/index.ts'
import { isLoopback } from '../../signalling/tools.ts'

/** Name of the file in the data folder that holds the token. */
export const tokenFile = 'token'

/** The token kept in a data folder; made at the first start, for its owner's eyes alone. Throws where it cannot be kept. */
export function keepToken(folder: string): string {
  const file = join(folder, tokenFile)
  try {
    writeFileSync(file, `${randomIds().token(43)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readToken(file)
}

/** Throws where the file cannot be read or has no token in it. */
export function readToken(file: string): string {
  const token = readFileSync(file, 'utf8').trim()
  if (token.length < 16) throw new Error(`${file} holds no token of 16 characters or more; remove it, and a start makes one`)
  return token
}

export interface HttpAccess {
  /** Undefined: nobody may. */
  readonly token: string | undefined
  /** Whether other machines may too. */
  readonly open: boolean
}

/** Whether a request comes from this machine. */
export function isFromHere({ socket }: IncomingMessage): boolean {
  return isLoopback((socket.remoteAddress ?? '').replace(/^::ffff:/, ''))
}

/** Throws for a page of another site in somebody's browser (fetch standard §3.2). */
export function refuseOtherSites({ headers }: Pick<IncomingMessage, 'headers'>): void {
  if (headers.origin !== undefined && hostOf(headers.origin) !== headers.host)
    throw new HttpProblem(403, 'pages of other sites may not ask')
}

/** Throws the same problem for every path, existing or not. */
export function admit(request: IncomingMessage, { token, open }: HttpAccess): void {
  const { headers } = request
  if (!open && !isFromHere(request)) {
    throw new HttpProblem(403, 'subscribers are served to this machine only, unless the dialplan says api: { open: true }')
  }
  refuseOtherSites(request)
  const [, given = ''] = /^Bearer +([\w.~+/=-]+)$/i.exec(headers.authorization ?? '') ?? []
  if (token !== undefined && sameSecret(given, token)) return
  const detail =
    token === undefined ? 'this node has no token: it keeps no data; set api.token in the dialplan' : 'a token is wanted'
  const wrong = given === '' ? '' : ', error="invalid_token"' // RFC 6750 §3.1
  throw new HttpProblem(401, detail, { headers: { 'WWW-Authenticate': `Bearer realm="proxima"${wrong}` } })
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/** The asker, as the log has it. */
export function whoOf({ socket }: IncomingMessage): string {
  return `token from ${socket.remoteAddress ?? 'a connection that has gone'}`
}
