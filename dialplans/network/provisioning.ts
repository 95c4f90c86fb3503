/** The subscribers of an HSS: those in the dialplan and those of its provisioning file, each identifier used once. */
import { dirname, isAbsolute, join } from 'node:path'
import { faultOfIdentifiers, faultOfLength, type IdentifierFault, toRecord } from '../../elements/hss/index.ts'
import type { SubscriberSettings } from '../../elements/schemas/index.ts'
import { subscriberKey } from '../../elements/shared/identifiers/devices.ts'
import { usualView } from '../../elements/shared/identifiers/element-names.ts'
import type { DialplanFault, DialplanSubscriber, ElementSettings } from './dialplan.ts'
import { readText } from './text.ts'
import { type LineOf, validateText } from './validate.ts'

/** Verdicts that a subscriber may settle for a watcher. */
const kinds = ['allow', 'block', 'polite'] as const

interface RawSubscriber extends DialplanSubscriber {
  readonly aliases?: readonly string[]
  readonly watchers?: { readonly [kind in (typeof kinds)[number]]?: readonly string[] }
}

interface ProvisioningPlace {
  readonly file: string
  /** Name of the HSS. */
  readonly name: string
  readonly settings: ElementSettings
  readonly domains: readonly string[]
  /** Names of the network's elements, which are nobody's: what is asserted of them is believed. */
  readonly reserved: readonly string[]
  /** As in `faultOfIdentifiers`. */
  readonly views: readonly string[]
  readonly lineOf: LineOf
}

/** The settings with the provisioning file, if any, replaced by what it holds. Faults are added to the list. */
export function provisioned(
  { file, name, settings, domains, reserved, views, lineOf }: ProvisioningPlace,
  faults: DialplanFault[],
): ElementSettings {
  const { provisioning, ...others } = settings
  const here = (settings['subscribers'] as readonly RawSubscriber[] | undefined) ?? []
  const owners = new Owners(domains, reserved, views, faults)
  owners.add(file, here, (index) => lineOf('elements', name, 'subscribers', index))
  if (typeof provisioning !== 'string') return settings
  const path = isAbsolute(provisioning) ? provisioning : join(dirname(file), provisioning)
  const text = readText(path, 'a file with a list of subscribers')
  const read = text.faults === undefined ? validateText(path, text.value, 'subscribers') : text
  if (read.faults !== undefined) {
    faults.push(...read.faults)
    return others
  }
  const more = read.value.data as readonly RawSubscriber[]
  owners.add(path, more, (index) => read.value.lineOf(index))
  return { ...others, subscribers: [...here, ...more] }
}

/** Prefixes of the presence views of application servers. */
export function viewsOf(elements: readonly { readonly role: string; readonly settings: ElementSettings }[]): readonly string[] {
  const servers = elements.filter(({ role }) => role === 'application-server')
  return [...new Set([usualView, ...servers.flatMap(({ settings }) => (settings['view'] as string | undefined) ?? [])])]
}

/** Owners of identifiers. */
class Owners {
  private readonly owners = new Map<string, string>()
  private readonly domains: readonly string[]
  private readonly reserved: ReadonlySet<string | undefined>
  private readonly views: readonly string[]
  private readonly faults: DialplanFault[]

  constructor(domains: readonly string[], reserved: readonly string[], views: readonly string[], faults: DialplanFault[]) {
    this.views = views
    this.domains = domains
    this.reserved = new Set(reserved.map((name) => subscriberKey(name, domains)))
    this.faults = faults
  }

  add(file: string, subscribers: readonly RawSubscriber[], lineOf: (index: number) => number): void {
    for (const [index, subscriber] of subscribers.entries()) {
      const { id, aliases = [], watchers } = subscriber
      const settings = subscriber as unknown as SubscriberSettings
      const none =
        faultOfIdentifiers(settings, this.domains, undefined, this.views) ??
        faultOfLength(toRecord({ ...settings, password: undefined }, this.domains))
      if (none !== undefined) {
        this.faults.push({ file, line: lineOf(index), ...faultAt(none) })
        continue
      }
      const wrong = watchers && this.settledTwice(id, watchers)
      if (wrong !== undefined) this.faults.push({ file, line: lineOf(index), ...wrong })
      for (const text of [id, ...aliases]) {
        const wrong = this.own(text, id)
        if (wrong !== undefined) this.faults.push({ file, line: lineOf(index), ...wrong })
      }
    }
  }

  private settledTwice(
    id: string,
    watchers: RawSubscriber['watchers'] & {},
  ): Pick<DialplanFault, 'text' | 'expected'> | undefined {
    const settled = new Map<string, string>()
    for (const kind of kinds) {
      for (const text of watchers[kind] ?? []) {
        const key = subscriberKey(text, this.domains) ?? text
        const before = settled.get(key)
        if (before !== undefined && before !== kind)
          return { text: `${id} has the watcher ${text} in ${before} and in ${kind}`, expected: 'each watcher in one of them' }
        settled.set(key, kind)
      }
    }
    return undefined
  }

  private own(text: string, id: string): Pick<DialplanFault, 'text' | 'expected'> | undefined {
    const key = subscriberKey(text, this.domains)!
    if (this.reserved.has(key)) return { text: `${id} would be the element ${key}`, expected: 'another name' }
    const owner = this.owners.get(key)
    this.owners.set(key, id)
    return owner === undefined ? undefined : { text: `${text} belongs to ${owner} already`, expected: 'each identifier once' }
  }
}

function faultAt({ pointer, text }: IdentifierFault): Pick<DialplanFault, 'text' | 'expected'> {
  const [wrong = text, expected = 'an identifier'] = text.split('; expected ', 2)
  return { text: `${pointer.slice(1).replaceAll('/', '.')} ${wrong}`, expected }
}
