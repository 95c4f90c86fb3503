/** The node's HTTP side: GET /health and GET /metrics, nothing that changes anything. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HostPort, Log } from '../signalling/index.ts'
import type { Metrics } from './metrics.ts'

/** What /health says; not healthy is a 503. */
export interface Health {
  readonly healthy: boolean
  readonly [member: string]: unknown
}

export interface HttpOptions {
  readonly listen: HostPort
  readonly health: () => Health
  readonly metrics: Metrics
  readonly log: Log
}

export interface Http {
  /** With the real port where 0 was asked for. */
  readonly listening: HostPort
  close(): Promise<void>
}

interface Page {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** Resolves once listening; rejects with the socket's error. */
export function openHttp(options: HttpOptions): Promise<Http> {
  const { listen, log } = options
  const server = createServer((request, response) => {
    respond(options, request).then(
      (page) => send(page, request, response),
      (error: unknown) => {
        log.error({ err: error, path: request.url }, 'HTTP request failed')
        send({ status: 500, type: 'text/plain', text: 'internal fault, see the log\n' }, request, response)
      },
    )
  })
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

async function respond({ health, metrics }: HttpOptions, { method, url = '/' }: IncomingMessage): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: 'text/plain', text: 'only GET is served here\n' }
  switch (url.split('?', 1)[0]) {
    case '/health': {
      const { healthy, ...others } = health()
      const text = JSON.stringify({ status: healthy ? 'ok' : 'starting', ...others })
      return { status: healthy ? 200 : 503, type: 'application/json', text: `${text}\n` }
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, text: await metrics.text() }
    default:
      return { status: 404, type: 'text/plain', text: 'there are /health and /metrics\n' }
  }
}

function send({ status, type, text }: Page, { method }: IncomingMessage, response: ServerResponse): void {
  const allow = status === 405 ? { Allow: 'GET, HEAD' } : {}
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text), ...allow })
  response.end(method === 'HEAD' ? undefined : text)
}
