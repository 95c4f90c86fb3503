/**
 * HTTP requests to servers of others, whose URLs a stranger may have given us. The name is resolved here, and the connection
 * is made to an address that was judged: public, or allowed by a setting. No redirect is followed, and no proxy is asked.
 */
import { type ClientRequest, request as plainRequest } from 'node:http'
import { type RequestOptions, request as secureRequest } from 'node:https'
import { type BlockList, isIP, type LookupFunction } from 'node:net'
import {
  type Clock,
  type OutboundHttp,
  type OutboundHttpAnswer,
  type OutboundHttpRequest,
  systemResolver,
} from '../../../signalling/index.ts'
import { type AddressLookup, addressLookup } from './addresses.ts'
import { addressList, isListed, isPublicAddress } from './public-address.ts'

interface OutboundHttpOptions {
  readonly clock: Clock
  /** Default: by the machine's name servers. */
  readonly resolve?: AddressLookup
  /** PEM certificates of authorities, instead of the system's. */
  readonly authorities?: string
}

type Fault = Extract<OutboundHttpAnswer, { readonly fault: string }>

const patience = 10_000 // milliseconds for all of it
const patienceForOne = 2000 // milliseconds for a connection to an address that is not the last
const mostAddresses = 4 // of a name
const longestBody = 65_536 // bytes
const longestHead = 16_384

/** For a node: its requests share nothing but the rules. */
export function outboundHttp(options: OutboundHttpOptions): OutboundHttp {
  const { resolve = addressLookup(systemResolver()) } = options
  return { send: (request) => new OutboundCall({ ...options, resolve }, request).run() }
}

class OutboundCall {
  private readonly options: OutboundHttpOptions & { readonly resolve: AddressLookup }
  private readonly request: OutboundHttpRequest
  private readonly allowed: BlockList
  private client: ClientRequest | undefined
  private settle!: (answer: OutboundHttpAnswer) => void
  private isOver = false

  constructor(options: OutboundCall['options'], request: OutboundHttpRequest) {
    this.options = options
    this.request = request
    this.allowed = addressList(request.allow ?? [])
  }

  run(): Promise<OutboundHttpAnswer> {
    return new Promise((resolve) => {
      const timer = this.options.clock.after(patience, () =>
        this.settle(fault('timeout', `no answer within ${patience / 1000} s`)),
      )
      this.settle = (answer) => {
        if (this.isOver) return
        this.isOver = true
        timer.cancel()
        this.client?.destroy()
        resolve(answer)
      }
      this.begin().catch((cause: unknown) => this.settle(fault('unreachable', codeOf(cause))))
    })
  }

  private async begin(): Promise<void> {
    const { url: text } = this.request
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (
      url === undefined ||
      (url.protocol !== 'https:' && url.protocol !== 'http:') ||
      url.username !== '' ||
      url.password !== ''
    )
      return this.settle(fault('url', 'expected an https: URL without a password'))
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const addresses = isIP(host) === 0 ? await this.options.resolve(host, this.request.isOwn === true) : [host]
    if (this.isOver) return
    const callable = addresses.filter((each) => this.mayCall(each, url.protocol)).slice(0, mostAddresses)
    if (callable.length > 0) return this.call(url, callable)
    const isPlain = url.protocol === 'http:' && addresses.some(isPublicAddress)
    if (isPlain) this.settle(fault('url', 'expected https:, since http: is for addresses that a setting allows'))
    else this.settle(fault('address', addresses.length === 0 ? 'its host has no address' : 'its host has no public address'))
  }
  /** Without TLS nobody but those whom a setting names. */
  private mayCall(address: string, protocol: string): boolean {
    return isListed(this.allowed, address) || (protocol === 'https:' && isPublicAddress(address))
  }

  /** The first of them that takes a connection. */
  private call(url: URL, [address = '', ...others]: readonly string[]): void {
    const { body, headers, method } = this.request
    const { authorities } = this.options
    const options: RequestOptions = {
      method,
      headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body ?? '')), Connection: 'close' },
      agent: false,
      lookup: onlyTo(address), // the very address that was judged: the name is not resolved again
      maxHeaderSize: longestHead,
      ...(authorities === undefined ? {} : { ca: authorities }),
    }
    const client = url.protocol === 'https:' ? secureRequest(url, options) : plainRequest(url, options)
    this.client = client
    let isConnected = false
    const isSilent = (): unknown => (isConnected ? undefined : client.destroy(new Error('no connection')))
    const timer = others.length === 0 ? undefined : this.options.clock.after(patienceForOne, isSilent)
    client.on('close', () => timer?.cancel())
    client.on('error', (cause) => {
      if (!isConnected && others.length > 0 && !this.isOver) return this.call(url, others)
      this.settle(fault(isParserFault(cause) ? 'malformed' : 'unreachable', codeOf(cause)))
    })
    client.on('upgrade', (_, socket) => {
      socket.destroy()
      this.settle(fault('malformed', 'it wants another protocol'))
    })
    client.on('socket', (socket) =>
      socket.on('connect', () => {
        isConnected = true
        const { remoteAddress = '' } = socket
        if (!this.mayCall(remoteAddress, url.protocol)) this.settle(fault('address', 'its host has no public address'))
      }),
    )
    client.on('response', (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > longestBody) return this.settle(fault('too-long', `its answer has more than ${longestBody} bytes`))
        chunks.push(chunk)
      })
      response.on('error', (cause) => this.settle(fault('malformed', codeOf(cause))))
      response.on('end', () =>
        this.settle({
          status: response.statusCode ?? 0,
          headers: plain(response.headers),
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    client.end(body)
  }
}

function onlyTo(address: string): LookupFunction {
  const family = isIP(address)
  return (_, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}

function plain(headers: { readonly [name: string]: string | readonly string[] | undefined }): {
  readonly [name: string]: string | undefined
} {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : value?.join(', ')]),
  )
}

function fault(name: Fault['fault'], text: string): Fault {
  return { fault: name, text }
}

/** A code without the host or address that the message of the fault has. */
function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'no connection'
}

function isParserFault(cause: NodeJS.ErrnoException): boolean {
  return cause.code?.startsWith('HPE_') === true
}
