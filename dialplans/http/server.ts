/** The node's HTTP side: /health and /metrics for everybody who reaches it, /v1 for who has the token, and open routes of elements. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type HttpPage, HttpProblem } from '../../elements/shared/http/page.ts'
import type { HostPort, Log } from '../../signalling/index.ts'
import type { Metrics } from '../running/metrics.ts'
import { serveApi, serveOpen } from './api.ts'
import type { ApiOptions } from './options.ts'
import { ConnectionPlaces } from './places.ts'
import { RequestTurns } from './turns.ts'

interface HttpOptions {
  readonly listen: HostPort
  /** The answer of /health, whose status is `ok` or else makes it a 503. */
  readonly health: () => { readonly status: string }
  readonly metrics: Metrics
  /** Undefined: no element that serves a part of it runs, or not yet. */
  readonly api?: () => ApiOptions | undefined
  readonly log: Log
}

export interface HttpSide {
  /** With the real port where 0 was asked for. */
  readonly listening: HostPort
  close(): Promise<void>
}

const idle = 30_000 // ms without a byte
const patience = {
  headersTimeout: 10_000,
  requestTimeout: 600_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1000, // how often the others are looked at
}
const connections = 500
const pipelined = 32 // requests that wait on one connection

/** Resolves once listening; rejects with the socket's error. */
export function openHttp(options: HttpOptions): Promise<HttpSide> {
  const { listen, log } = options
  const places = new ConnectionPlaces(connections)
  const turns = new RequestTurns(pipelined)
  const server = createServer(patience, (request, response) => {
    turns.take(request.socket, response, () => {
      places.asks(request.socket, response)
      respond(options, request).then(
        (page) => send(page, request, response),
        (error: unknown) => {
          if (error instanceof HttpProblem) return send(error.page(), request, response)
          if (request.destroyed && !request.complete) return response.destroy() // the asker has gone
          send(problemOf(error, request, log).page(), request, response)
        },
      )
    })
  })
  server.on('connection', (socket: Socket) => places.enter(socket))
  server.timeout = idle
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.off('error', reject)
      server.on('error', (error) => log.error({ err: error }, 'HTTP server failed'))
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : listen.port
      resolve({ listening: { host: listen.host, port }, close: () => closeServer() })
    })
  })

  function closeServer(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

/** The store says itself, once, that it fails: whoever asks is told so. All else is a fault of ours. */
function problemOf(error: unknown, { url }: IncomingMessage, log: Log): HttpProblem {
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('store-'))
    return new HttpProblem(503, error.message.split('\n', 1)[0]!)
  log.error({ err: error, path: url }, 'HTTP request failed')
  return new HttpProblem(500, 'internal fault, see the log')
}

async function respond({ health, metrics, api }: HttpOptions, request: IncomingMessage): Promise<HttpPage> {
  const { method, url = '/' } = request
  const path = url.split('?', 1)[0]!
  if (path === '/v1' || path.startsWith('/v1/')) return serveApi(request, api?.())
  const options = api?.()
  const page = options && (await serveOpen(request, options))
  if (page !== undefined) return page
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, type: 'text/plain', text: 'only GET is served here\n', headers: { Allow: 'GET, HEAD' } }
  }
  switch (path) {
    case '/health': {
      const now = health()
      return { status: now.status === 'ok' ? 200 : 503, type: 'application/json', text: `${JSON.stringify(now)}\n` }
    }
    case '/metrics':
      return { status: 200, ...(await metrics.scrape()) }
    default:
      return { status: 404, type: 'text/plain', text: 'there are /health, /metrics and /v1/openapi.json\n' }
  }
}

function send({ status, type, text, headers }: HttpPage, request: IncomingMessage, response: ServerResponse): void {
  // a body that nobody has read to its end is not waited for
  const end =
    request.complete || (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined)
  const length = text === undefined ? {} : { 'Content-Length': Buffer.byteLength(text) }
  response.writeHead(status, {
    ...(type === undefined ? {} : { 'Content-Type': type }),
    ...length,
    ...headers,
    ...(end ? {} : { Connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}
