/** Askers where a target is (SPEC §8.2): the requestor, the LCS client that speaks for him, and the word that it has shown. */
import { type Host, parseUri } from '../../signalling/index.ts'
import type { LocationRequest } from '../schemas/index.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import type { PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import type { Profiles } from './profiles.ts'

interface RequestorParts {
  readonly host: Host
  /** Names of the LCS clients of this network. */
  readonly clients: readonly string[]
  readonly profiles: Profiles
}

const wrongWords = 5 // an hour, of one client about one target
const hour = 3_600_000 // milliseconds
const guessersAtMost = 10_000

export class Requestors {
  private readonly parts: RequestorParts
  /** Wrong codewords by client and target, with the end of their hour. */
  private readonly wrong = new Map<string, { count: number; readonly until: number }>()

  constructor(parts: RequestorParts) {
    this.parts = parts
  }
  /** Undefined: it speaks for somebody, and may not. @param asker canonical */
  questionOf(asker: string, { requestor: named, service }: LocationRequest): PrivacyQuestion | undefined {
    const { clients, host } = this.parts
    const own = ownUser(asker, host.domains)
    const client = own !== undefined && clients.includes(own) ? own : undefined
    const requestor = named === undefined ? asker : (subscriberKey(named, host.domains) ?? named)
    if (client === undefined && requestor !== asker) return undefined
    const domain = parseUri(requestor)?.host ?? ''
    return { requestor, domain, client: client ?? asker, ...(service === undefined ? {} : { service }) }
  }
  /** With its codeword, unless its client has guessed too often. */
  worded(question: PrivacyQuestion, { codeword }: LocationRequest, target: string): PrivacyQuestion {
    if (codeword === undefined) return question
    const { clock } = this.parts.host
    const key = `${question.client} ${target}`
    const wrong = this.wrong.get(key)
    if (wrong !== undefined && wrong.until > clock.now() && wrong.count >= wrongWords) return question
    const asked = { ...question, codeword: this.parts.profiles.sealedWord(codeword) }
    const rules = this.parts.profiles.of(target)
    const words = rules.filter((rule) => rule.codeword !== undefined)
    const isRight = words.some((rule) => Object.entries(rule.codeword!).some(([name, hmac]) => asked.codeword[name] === hmac))
    if (isRight || words.length === 0) return asked
    const current = wrong !== undefined && wrong.until > clock.now() ? wrong : { count: 0, until: clock.now() + hour }
    this.wrong.delete(key)
    this.wrong.set(key, { ...current, count: current.count + 1 })
    if (this.wrong.size > guessersAtMost) this.wrong.delete(this.wrong.keys().next().value!)
    return asked
  }
}
