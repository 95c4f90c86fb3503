/** Aliases at a Push host (SPEC §5.3): names that the address book turns into Push identifiers, as the source may see them. */
import { type Exchange, type Host, parseUri, type Uri } from '../../signalling/index.ts'
import { mediaType, type PushDirectory, readBody, writeBody } from '../schemas/index.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { decoded } from '../shared/identifiers/percent.ts'
import { pushIdentifier } from '../shared/identifiers/push.ts'
import { MissLimit } from '../shared/permissions/miss-limit.ts'
import type { Decisions } from './decisions.ts'

const event = 'push-directory'
const patience = 4000 // milliseconds that the address book may take for an answer
const mostMisses = 20 // of one source within a minute
const longestAlias = 256

export class Aliases {
  private readonly host: Host
  private readonly addressBook: string | undefined
  private readonly misses: MissLimit
  private readonly decisions: Decisions

  /** @param addressBook URI or name; undefined: there is none */
  constructor(host: Host, addressBook: string | undefined, decisions: Decisions) {
    this.host = host
    this.decisions = decisions
    this.addressBook = addressBook === undefined ? undefined : serverUri(addressBook, host.domains)
    this.misses = new MissLimit(host.clock, mostMisses)
  }

  /** True: the source has named too many who are nobody, and the request is refused. */
  refuses(exchange: Exchange, source: string): boolean {
    const seconds = this.misses.refusedFor(source)
    if (seconds === undefined) return false
    this.host.count('refused_guesses')
    const warning = `more than ${mostMisses} unknown destinations within a minute; expected a pause`
    const headers = [['Retry-After', String(seconds)] as const]
    this.decisions.refuse(exchange, source, { status: 503, rule: 'guesses', warning, headers })
    return true
  }

  /** URI of the Push identifier that is meant by a URI that names nobody by itself; undefined: the request is answered. */
  async meant(exchange: Exchange, { user }: Uri, source: string): Promise<Uri | undefined> {
    const alias = decoded(user)
    if (this.addressBook === undefined || pushIdentifier(user) !== undefined || alias === '' || alias.length > longestAlias)
      return this.miss(exchange, source)
    const directory = await this.ask(alias, source)
    if (directory === undefined) {
      const warning = 'the address book does not answer: come again later'
      this.decisions.refuse(exchange, source, { status: 503, rule: 'directory', warning, headers: [['Retry-After', '5']] })
      return undefined
    }
    const choices = directory.entries.flatMap(({ uri }) => uri ?? [])
    if (choices.length > 1) {
      const contacts = choices.map((uri) => ['Contact', `<${uri}>`] as const)
      const warning = 'several have that name; expected one of the Contacts'
      this.decisions.refuse(exchange, source, { status: 485, rule: 'ambiguous', warning, headers: contacts })
      return undefined
    }
    const uri = choices[0] === undefined ? undefined : parseUri(choices[0])
    if (uri === undefined || pushIdentifier(uri.user) === undefined) return this.miss(exchange, source)
    this.host.count('aliases_resolved')
    return uri
  }
  private miss(exchange: Exchange, source: string): undefined {
    this.misses.add(source)
    this.decisions.refuse(exchange, source, { status: 404, rule: 'unknown', warning: 'nobody has that name or Push identifier' })
    return undefined
  }

  /** Asked in the name of the source, who is told of nobody hidden from it. Undefined: there is no answer. */
  private ask(alias: string, source: string): Promise<PushDirectory | undefined> {
    return new Promise((resolve) => {
      const { host } = this
      const timer = host.clock.after(patience, () => resolve(undefined))
      host.subscribe(
        {
          to: this.addressBook!,
          event,
          accept: [mediaType(event)],
          expires: 0,
          asserted: source === '' ? host.uri : source,
          body: writeBody('push-query', { alias, limit: 10 }),
        },
        {
          notified: ({ request }) => {
            timer.cancel()
            resolve(readBody(request, event).value)
          },
          ended: () => {
            timer.cancel()
            resolve(undefined)
          },
        },
      )
    })
  }
}
