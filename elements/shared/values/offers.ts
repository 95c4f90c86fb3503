/** Requests that a service takes, and its answer to all others: requests reach an element by name too, past its claims. */
import { type Exchange, H, type SipRequest, unsupported } from '../../../signalling/index.ts'

/** One kind of request that a service takes. */
interface RequestOffer {
  readonly method: 'SUBSCRIBE' | 'PUBLISH' | 'MESSAGE'
  /** Of SUBSCRIBE and PUBLISH: the event package. */
  readonly event?: string
  /** Media types of its body, in lower case; left out: a body is passed over. */
  readonly types?: readonly string[]
}

interface OfferAnswer {
  readonly status: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly warning?: string
}

const knownMethods = new Set(
  'INVITE ACK CANCEL BYE OPTIONS REGISTER PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE'.split(' '),
)
const token = /^[\w.!%*+`'~-]+$/ // RFC 3261 §25.1
const malformed = 'MALFORMED' // no package: their names are in lower case here
const anyType = ['*/*']

export class Offers {
  private readonly methods: readonly string[]
  private readonly packages: readonly string[]
  private readonly types: readonly string[]
  private readonly extensions: readonly string[]
  private readonly byMethod: ReadonlyMap<string, readonly RequestOffer[]>

  /** @param extensions option tags that it knows, in lower case */
  constructor(offers: readonly RequestOffer[], extensions: readonly string[] = []) {
    this.extensions = extensions
    this.methods = [...new Set(offers.map(({ method }) => method)), 'OPTIONS']
    this.packages = [...new Set(offers.flatMap(({ event }) => event ?? []))]
    this.types = [...new Set(offers.flatMap(({ types }) => types ?? []))]
    this.byMethod = new Map(this.methods.map((method) => [method, offers.filter((offer) => offer.method === method)]))
  }

  /**
   * True: the request asks for the capabilities of the service, or is none that it takes, and is answered (RFC 3261 §8.2,
   * §11).
   */
  answer(exchange: Exchange): boolean {
    if (exchange.request.method === 'ACK') return true // nobody waits for an answer to it
    const answer = this.answerTo(exchange.request)
    if (answer !== undefined) exchange.reply(answer.status, { headers: answer.headers, warning: answer.warning })
    return answer !== undefined
  }

  private answerTo(request: SipRequest): OfferAnswer | undefined {
    const { method } = request
    const allow = (status: number): OfferAnswer => ({ status, headers: [['Allow', this.methods.join(', ')]] })
    if (!knownMethods.has(method)) return allow(501)
    if (request.toTag !== '') return { status: 481 } // dialogs are the engine's, and it has none like that
    const offers = this.byMethod.get(method)
    if (offers === undefined) return allow(405)
    const event = offers[0]?.event === undefined ? undefined : eventOf(request)
    const offer = offers.find((one) => one.event === event)
    const types = offer?.types ?? anyType
    const refusal = unsupported(request, { methods: this.methods, extensions: this.extensions, types })
    if (refusal?.status === 415) return { ...refusal, warning: expected(types) }
    if (refusal !== undefined) return refusal
    if (method === 'OPTIONS') return this.abilities()
    if (event === malformed) return { status: 400, warning: 'Event is not one token; expected one such as presence' }
    if (offer === undefined) {
      const packages = offers.map((one) => one.event).join(', ')
      return { status: 489, headers: [['Allow-Events', packages]] } // RFC 6665 §4.2.1.3, RFC 3903 §6
    }
    return offer.types !== undefined && request.bodyEnd > request.bodyStart ? bodyFault(request, offer.types) : undefined
  }

  /** RFC 3261 §11.2, RFC 6665 §4.4.4. An empty Accept would say that no body is taken, where all are passed over. */
  private abilities(): OfferAnswer {
    const types = this.types.length === 0 ? anyType : this.types
    const extensions = this.extensions.length === 0 ? [] : [['Supported', this.extensions.join(', ')] as const]
    return {
      status: 200,
      headers: [
        ['Allow', this.methods.join(', ')],
        ['Accept', types.join(', ')],
        ['Accept-Encoding', 'identity'],
        ['Accept-Language', 'en'],
        ...extensions,
        ['Allow-Events', this.packages.join(', ')],
      ],
    }
  }
}

/** The package named; `''` without the field. */
function eventOf(request: SipRequest): string {
  const fields = request.texts(H.Event)
  if (fields.length === 0) return ''
  const value = request.event?.value ?? ''
  return fields.length === 1 && token.test(value) ? value : malformed
}

function bodyFault(request: SipRequest, types: readonly string[]): OfferAnswer | undefined {
  if (request.contentType === undefined) return { status: 415, headers: [['Accept', types.join(', ')]], warning: expected(types) }
  const encoding = request.text('Content-Encoding')?.trim().toLowerCase()
  if (encoding === undefined || encoding === 'identity') return undefined
  return {
    status: 415,
    headers: [['Accept-Encoding', 'identity']],
    warning: 'Content-Encoding is not supported; expected the body as it is',
  }
}

function expected(types: readonly string[]): string {
  return `${types.join(' or ')} expected`
}
