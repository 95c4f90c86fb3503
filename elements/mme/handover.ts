/** UEs that move between MMEs (SPEC §3.6): the new one asks the old one for the context, then has it let go. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { mediaType, readBody, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { KnownServers } from '../shared/clients/known-servers.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import type { Contexts } from './contexts.ts'

const request = mediaType('mme-context-request')
const answer = mediaType('mme-context')
/** Media types of the MESSAGEs that this takes. */
export const movingTypes: readonly string[] = [request, answer]

/** The former MME, as a UE names it. */
export interface FormerMme {
  readonly temporary: string
  readonly mme: string
}

const patience = 5000 // milliseconds: a UE waits for its answer

export class Handover {
  private readonly host: Host
  private readonly contexts: Contexts
  private readonly conversations: Conversations
  private readonly otherMmes: KnownServers

  /** @param otherMmes URIs of the other MMEs of the network */
  constructor(host: Host, contexts: Contexts, otherMmes: readonly string[]) {
    this.host = host
    this.contexts = contexts
    this.conversations = new Conversations(host)
    this.otherMmes = new KnownServers(otherMmes, host.domains)
  }

  handle(exchange: Exchange): void {
    if (exchange.request.contentType === request) this.tell(exchange)
    else this.conversations.takeAnswer(exchange)
  }

  /** Whether that is another MME of ours. */
  isOtherMme(mme: string): boolean {
    return this.otherMmes.find(mme) !== undefined
  }

  /** The UE's capabilities as the former MME knows them; undefined: it has no such context, or does not answer. */
  async fetch(device: string, former: FormerMme): Promise<{ readonly prose: boolean } | undefined> {
    const reply = await this.ask(device, former, false)
    return reply?.capabilities
  }
  /** The UE is ours now. */
  async release(device: string, former: FormerMme): Promise<void> {
    if ((await this.ask(device, former, true)) === undefined)
      this.host.log.warn({ mme: former.mme }, 'a former MME keeps a context that nobody needs, until it expires')
  }
  private async ask(device: string, { temporary, mme }: FormerMme, release: boolean) {
    const to = this.otherMmes.find(mme)
    if (to === undefined) return undefined
    const body = writeBody('mme-context-request', { device, temporary, ...(release ? { release } : {}) })
    const { value } = await this.conversations.ask({ to, body, answer: 'mme-context', patience })
    return value
  }

  /** Only another MME of ours is told, and only of a UE whose temporary identifier it has from the UE itself. */
  private tell(exchange: Exchange): void {
    const body = readBody(exchange.request, 'mme-context-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const asker = askerOf(exchange, this.host.domains)
    if (asker === undefined || !this.otherMmes.isOne(asker)) return exchange.reply(403)
    const { device, temporary, release } = body.value
    exchange.reply(202)
    const context = this.contexts.holder(temporary)
    const isHolder = context !== undefined && context.device === deviceKey(device, this.host.domains)
    if (isHolder && release === true && this.contexts.mayRelease(context, temporary)) this.contexts.release(context)
    const content = isHolder ? { device, capabilities: { prose: context.stored.prose } } : { device }
    this.conversations.answer(exchange, asker, writeBody('mme-context', content))
  }
}
