/**
 * Privacy profiles of targets (SPEC §8.4), each with its version: durable, and in force from then on. Codewords are kept under
 * a key of this server alone.
 */
import { type Host, keptSecret, seal } from '../../signalling/index.ts'
import type { PrivacyProfileRule } from '../schemas/index.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { privacyRulesOf } from '../shared/location/privacy-profile.ts'
import type { PrivacyRule } from '../shared/location/privacy-rules.ts'
import { Kept } from '../shared/state/kept.ts'

/** Rules as they are stored: a codeword is its seal. */
interface StoredProfile {
  readonly version: number
  readonly rules: readonly PrivacyProfileRule[]
}

/** Rules of a target, as they are stored and as they are judged by. */
interface ReadyProfile {
  readonly stored: readonly PrivacyProfileRule[]
  readonly made: readonly PrivacyRule[]
}

/** Rules of a target in the settings. */
interface GivenProfile {
  readonly target: string
  readonly rules: readonly PrivacyProfileRule[]
}

/** Outcome of an update: its version, or why it is none. */
type ProfileUpdate =
  | { readonly version: number; readonly fault?: undefined }
  | { readonly fault: string; readonly status: 400 | 412; readonly version?: undefined }

const keyName = 'k1' // the one key of this server
const sealed = 43 // characters

export class Profiles {
  private readonly host: Host
  private readonly kept: Kept<StoredProfile>
  private readonly inForce = new Map<string, readonly PrivacyRule[]>()
  private given: ReadonlyMap<string, ReadyProfile> = new Map()
  private key = ''
  /** Of all targets together. */
  private version = 0

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<StoredProfile>(host, { prefix: `gmlc/${host.name}/profile/`, noun: 'a privacy profile' })
    host.gauge('profiles', () => this.kept.size)
  }
  async load(): Promise<void> {
    const { ids, name, store } = this.host
    this.key = await keptSecret(store, ids, `gmlc/${name}/codeword-key`)
    await this.kept.load()
    for (const [target, { rules, version }] of this.kept.entries()) {
      this.version = Math.max(this.version, version)
      this.enforce(target, this.made(rules))
    }
  }
  /** Rules of targets that have told none themselves. Returns the fault of the first that makes no sense. */
  give(profiles: readonly GivenProfile[]): string | undefined {
    const given = new Map<string, ReadyProfile>()
    for (const { rules, target } of profiles) {
      const stored = rules.map((rule) => this.stored(rule))
      const made = this.made(stored)
      if ('text' in made) return `profile of ${target}: ${made.pointer} ${made.text}`
      given.set(subscriberKey(target, this.host.domains) ?? target, { made, stored })
    }
    this.given = given
    return undefined
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }

  /** Rules in force. None: nobody may know anything. */
  of(target: string): readonly PrivacyRule[] {
    return this.inForce.get(target) ?? this.given.get(target)?.made ?? []
  }
  /** The version of the last change of any. */
  get lastVersion(): number {
    return this.version
  }
  /** As its target may read it: a codeword is its seal. Version 0: as the settings have it. */
  told(target: string): StoredProfile {
    const { version, rules } = this.current(target)
    return {
      version,
      rules: rules.map(({ codeword, ...rule }) => (codeword === undefined ? rule : { ...rule, sealed: codeword })),
    }
  }
  /** A codeword as it is compared: NFC, trimmed, under the key. */
  sealedWord(word: string): { readonly [key: string]: string } {
    return { [keyName]: this.sealOf(word.normalize('NFC').trim()) }
  }
  /** In force when it resolves. The same rules once more change nothing. @param replaces version that it takes the place of */
  update(target: string, rules: readonly PrivacyProfileRule[], replaces: number | undefined): Promise<ProfileUpdate> {
    return this.kept.inTurn(target, () => this.updateInTurn(target, rules, replaces))
  }
  private async updateInTurn(
    target: string,
    rules: readonly PrivacyProfileRule[],
    replaces: number | undefined,
  ): Promise<ProfileUpdate> {
    const known = this.current(target)
    const stored = rules.map((rule) => this.stored(rule))
    const made = this.made(stored)
    if ('text' in made) return { status: 400, fault: `${made.pointer} ${made.text}` }
    if (known.version > 0 && JSON.stringify(known.rules) === JSON.stringify(stored)) return { version: known.version }
    if (replaces !== undefined && replaces !== known.version)
      return { status: 412, fault: `the profile in force has version ${known.version}; expected replaces to name it` }
    const foreign = rules.findIndex(
      (rule) => rule.sealed !== undefined && !known.rules.some((each) => each.codeword === rule.sealed),
    )
    if (foreign >= 0)
      return { status: 400, fault: `/rules/${foreign}/sealed is of no codeword of this profile; expected codeword` }
    const version = ++this.version
    await this.kept.put(target, { version, rules: stored })
    if (this.kept.get(target)?.version === version) this.enforce(target, made)
    return { version }
  }
  private enforce(target: string, made: ReturnType<Profiles['made']>): void {
    if ('text' in made)
      this.host.log.error({ target, fault: made.text }, 'a privacy profile in the store makes no sense: nobody may know')
    this.inForce.set(target, 'text' in made ? [] : made)
  }
  private current(target: string): StoredProfile {
    return this.kept.get(target) ?? { version: 0, rules: this.given.get(target)?.stored ?? [] }
  }
  private stored({ codeword, sealed: known, ...rule }: PrivacyProfileRule): PrivacyProfileRule {
    const seal = codeword === undefined ? known : this.sealOf(codeword.normalize('NFC').trim())
    return { ...rule, ...(seal === undefined ? {} : { codeword: seal }) }
  }
  /** Stored rules as they are judged by, with canonical identities. */
  private made(rules: readonly PrivacyProfileRule[]): ReturnType<typeof privacyRulesOf> {
    const { domains } = this.host
    const canonical = (names: readonly string[] | undefined): string[] | undefined =>
      names?.map((name) => subscriberKey(name, domains) ?? name)
    const named = rules.map((rule): PrivacyProfileRule => {
      if (rule.who === undefined) return rule
      const { domain, except, one } = rule.who
      const who = { one: canonical(one), domain: domain?.map((each) => each.toLowerCase()), except: canonical(except) }
      return { ...rule, who: JSON.parse(JSON.stringify(who)) as NonNullable<PrivacyProfileRule['who']> }
    })
    return privacyRulesOf(named, (seal) => ({ [keyName]: seal }))
  }
  private sealOf(word: string): string {
    return seal(this.key, word, sealed)
  }
}
