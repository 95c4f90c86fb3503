/** Changes of subscribers as operators ask for them: each is done or has a fault, and one that has changes nothing. */
import { faultOf, type SubscriberRecord, type SubscriberSettings } from '../schemas/index.ts'
import schema from '../schemas/subscribers/subscriber-settings.json' with { type: 'json' }
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { isPushName } from '../shared/identifiers/push.ts'
import { keyOf } from './added.ts'
import type { Directory } from './directory.ts'
import { faultOfIdentifiers, identifierFault, namesIn } from './identifiers.ts'
import { TakenIdentifier } from './provisioned.ts'
import { faultOfLength, fingerprint, toRecord, withoutSecrets, withoutUsernames } from './records.ts'
import type { RetiredIdentifiers } from './retired-identifiers.ts'

/** Whether the change may be made to the subscriber as it is now, undefined: to none. */
type ChangeGuard = (record: SubscriberRecord | undefined) => boolean

/**
 * The change asked for. `put` and `patch` keep the credentials unless they bring a password or credentials. `patch` is a
 * JSON merge patch (RFC 7396) of the settings. `id`: any form of the identifier, or an alias.
 */
export type WantedChange =
  | { readonly do: 'put'; readonly settings: unknown; readonly id?: string; readonly guard?: ChangeGuard }
  | { readonly do: 'patch'; readonly patch: unknown; readonly id: string; readonly guard?: ChangeGuard }
  | { readonly do: 'remove'; readonly id: string; readonly guard?: ChangeGuard }

/** `pointer`: the member to blame (RFC 6901); '' is the whole. */
interface ProvisioningFault {
  readonly kind: 'malformed' | 'taken' | 'unknown' | 'stale'
  readonly pointer: string
  readonly text: string
}

interface DoneChange {
  readonly done: 'added' | 'changed' | 'unchanged' | 'removed'
  /** As it is now, or was before it was removed. With credentials. */
  readonly record: SubscriberRecord
  /** Names of the members that differ; never their values. */
  readonly members: readonly string[]
  readonly fault?: undefined
}
export type ProvisioningOutcome = DoneChange | { readonly fault: ProvisioningFault }

const longestKey = 700 // bytes of an identifier in the store
const topMembers = Object.keys(schema.properties)
const permissionMembers = Object.keys(schema.properties.permissions.properties)

interface ProvisioningParts {
  readonly directory: Directory
  readonly domains: readonly string[]
  readonly retired: RetiredIdentifiers
  /** Whether an identifier is that of an element, which is nobody's. */
  readonly reserved: (key: string) => boolean
  /** As in `faultOfIdentifiers`. */
  readonly views: readonly string[] | undefined
}

export class Provisioning {
  private readonly directory: Directory
  private readonly domains: readonly string[]
  private readonly retired: RetiredIdentifiers
  private readonly reserved: (key: string) => boolean
  private readonly views: readonly string[] | undefined

  constructor({ directory, domains, reserved, retired, views }: ProvisioningParts) {
    this.views = views
    this.directory = directory
    this.domains = domains
    this.retired = retired
    this.reserved = reserved
  }

  /** Makes the change in the directory, for its next `commit`. */
  make(wanted: WantedChange): ProvisioningOutcome {
    const before = wanted.id === undefined ? undefined : this.find(wanted.id)
    if (wanted.do === 'put') {
      const key = wanted.id === undefined ? undefined : (subscriberKey(wanted.id, this.domains) ?? before?.id)
      // an identifier that is none is told of, never passed over for another one in the settings
      if (wanted.id !== undefined && key === undefined)
        return fail('malformed', '/id', identifierFault(wanted.id, this.domains, this.views) ?? 'is no identifier')
      return this.put(wanted.settings, key, wanted.guard)
    }
    if (wanted.guard?.(before) === false) return stale()
    if (before === undefined) return fail('unknown', '', `there is no subscriber ${wanted.id}`)
    if (wanted.do === 'patch') return this.patch(before, wanted.patch)
    this.directory.change(before.id, undefined)
    return { done: 'removed', record: before, members: [] }
  }

  /** By any form of an identifier or alias; or as it is stored, perhaps of a time with other domains. */
  find(id: string): SubscriberRecord | undefined {
    const key = subscriberKey(id, this.domains)
    return (key === undefined ? undefined : this.directory.find(key)) ?? (key === id ? undefined : this.directory.find(id))
  }

  private put(settings: unknown, key: string | undefined, guard: ChangeGuard | undefined): ProvisioningOutcome {
    const named = key !== undefined && isObject(settings) && settings['id'] === undefined ? { ...settings, id: key } : settings
    let read = this.read(named)
    if (read.fault !== undefined) {
      const id = isObject(named) ? named['id'] : undefined
      const stored = typeof id === 'string' ? this.find(id) : undefined
      if (stored !== undefined) read = this.read(named, stored)
      if (read.fault !== undefined) return read
    }
    const { record } = read
    const owner = key === undefined ? record.id : (this.directory.ownerOf(key) ?? key)
    if (owner !== record.id && key === record.id) return fail('taken', '/id', `${key} is an alias of ${owner}`)
    if (owner !== record.id) return fail('malformed', '/id', `is ${record.id}, and this is ${owner}`)
    const before = this.directory.get(record.id)
    if (guard?.(before) === false) return stale()
    return this.changeIfDiffers(before, keepsSecrets(named) ? withSecretsOf(record, before) : record)
  }

  private patch(before: SubscriberRecord, patch: unknown): ProvisioningOutcome {
    if (!isObject(patch)) return fail('malformed', '', 'a merge patch is an object')
    const merged = mergePatch(settingsOf(before), patch)
    const read = this.read(merged, before)
    if (read.fault !== undefined) return read
    if (read.record.id !== before.id) return fail('malformed', '/id', 'cannot be changed: add one and remove the other')
    return this.changeIfDiffers(before, keepsSecrets(patch) ? withSecretsOf(read.record, before) : read.record)
  }

  private changeIfDiffers(before: SubscriberRecord | undefined, record: SubscriberRecord): ProvisioningOutcome {
    const members = before === undefined ? [] : differing(before, record)
    if (before !== undefined && members.length === 0) return { done: 'unchanged', record: before, members }
    const tooLong = faultOfLength(record, before)
    if (tooLong !== undefined) return fail('malformed', tooLong.pointer, tooLong.text)
    const retired = this.retired.among(record, before, this.directory.pending)
    if (retired !== undefined)
      return fail(
        'taken',
        `/push/${retired.index}/id`,
        `${retired.id} was somebody else's, and is not given out again for 400 days`,
      )
    try {
      this.directory.change(record.id, record)
    } catch (fault) {
      if (!(fault instanceof TakenIdentifier)) throw fault
      return fail('taken', fault.alias < 0 ? '/id' : `/aliases/${fault.alias}`, fault.message)
    }
    return { done: before === undefined ? 'added' : 'changed', record, members }
  }

  /** @param before the stored record: only differences are judged */
  private read(
    settings: unknown,
    before?: SubscriberRecord,
  ): { readonly record: SubscriberRecord; readonly fault?: undefined } | FailedChange {
    const wrong = faultOf('subscriber-settings', settings)
    if (wrong !== undefined) {
      const [, pointer = '', text = wrong] = /^(\/\S*) (.*)$/.exec(wrong) ?? []
      return fail('malformed', pointer, text)
    }
    const odd = unknownMember(settings as SubscriberSettings)
    if (odd !== undefined) return fail('malformed', odd, 'is not known there')
    const stored = before && namesIn(before)
    const none = faultOfIdentifiers(settings as SubscriberSettings, this.domains, stored, this.views)
    if (none !== undefined) return fail('malformed', none.pointer, none.text)
    const record = toRecord(settings as SubscriberSettings, this.domains, stored?.all)
    for (const [i, id] of [record.id, ...(record.aliases ?? [])].entries()) {
      const pointer = i === 0 ? '/id' : `/aliases/${i - 1}`
      if (!stored?.own.has(id) && this.reserved(id)) return fail('taken', pointer, `${id} is an element of this network`)
      const alike = stored?.own.has(id) ? undefined : this.directory.find(id.normalize('NFD')) // stored before this was refused
      if (alike !== undefined && alike.id !== record.id && id !== id.normalize('NFD'))
        return fail('taken', pointer, `${id} looks the same as ${alike.id}, who is composed otherwise: remove that one first`)
      if (Buffer.byteLength(keyOf(id)) > longestKey) return fail('malformed', pointer, 'is too long')
    }
    return { record }
  }
}

interface FailedChange {
  readonly fault: ProvisioningFault
}
function fail(kind: ProvisioningFault['kind'], pointer: string, text: string): FailedChange {
  return { fault: { kind, pointer, text } }
}
function stale(): FailedChange {
  return fail('stale', '', 'it has changed since it was read')
}

/** A record as it would be provisioned, without credentials. */
export function settingsOf(record: SubscriberRecord): SubscriberSettings {
  const { credentials: _, usernames: __, ...settings } = withoutSecrets(record)
  const { aliases, push } = settings
  if (push === undefined) return settings
  return { ...settings, aliases: aliases?.filter((alias) => !isPushName(alias, push)) } // those follow from `push`
}

function withSecretsOf(record: SubscriberRecord, before: SubscriberRecord | undefined): SubscriberRecord {
  return { ...record, credentials: before?.credentials, usernames: before?.usernames }
}

function keepsSecrets(given: unknown): boolean {
  return !isObject(given) || (given['password'] === undefined && given['credentials'] === undefined)
}

/** RFC 7396 §2. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownMember(settings: SubscriberSettings): string | undefined {
  const top = Object.keys(settings).find((name) => !topMembers.includes(name))
  if (top !== undefined) return `/${escaped(top)}`
  const permission = Object.keys(settings.permissions).find((name) => !permissionMembers.includes(name))
  return permission === undefined ? undefined : `/permissions/${escaped(permission)}`
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1') // RFC 6901 §3
}

function differing(before: SubscriberRecord, after: SubscriberRecord): readonly string[] {
  const names = Object.keys(withoutUsernames({ ...before, ...after })) as (keyof SubscriberRecord)[]
  const print = (value: unknown): string => (empty(value) ? '' : fingerprint(sorted(value)))
  return names.filter((name) => print(before[name]) !== print(after[name]))
}

function empty(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0)
}

/** Members in one order, so that the same reads the same. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]))
}
