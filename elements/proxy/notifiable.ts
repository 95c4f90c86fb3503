/** Contacts that can be woken (RFC 8599), as the registrar takes them (SPEC §5.8): which, for how long, and what others see. */
import { type Address, type Exchange, type Host, parseAddress } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { hasFlags } from '../shared/identifiers/push.ts'
import type { ContactBinding, ContactNotification } from '../shared/state/contact-binding.ts'
import {
  nameOfTarget,
  providerAsked,
  wakeTargetOf,
  wakingLifetime,
  withoutNotification,
} from '../shared/values/push-notification.ts'
import type { ProxyRules } from './settings.ts'

interface NotifiableRefusal {
  readonly refused: 423 | 555
  readonly text: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Why a Contact cannot be registered so; undefined: nothing is against it. @param seconds that it asks for */
export function notifiableFault(
  exchange: Exchange,
  { uri }: Address,
  seconds: number,
  push: ProxyRules['push'],
  subscriber: SubscriberRecord | undefined,
): NotifiableRefusal | undefined {
  const provider = providerAsked(uri)
  if (provider === undefined || seconds === 0 || push.length === 0) return undefined
  const known = providersFor(push, subscriber)
  if (provider !== '' && !known.includes(provider)) {
    if (isWokenBefore(exchange, provider)) return undefined
    const expected = known.length === 0 ? 'a Contact without pn-provider' : known.join(' or ')
    return { refused: 555, text: `pn-provider ${provider.slice(0, 40)} is not supported; expected ${expected}` }
  }
  if (wakeTargetOf(uri) === undefined || seconds >= wakingLifetime.min) return undefined
  return {
    refused: 423,
    text: `Expires is too short to be woken; expected ${wakingLifetime.min} seconds or more`,
    headers: [['Min-Expires', String(wakingLifetime.min)]],
  }
}

/** Seconds granted at least and at most, where none are asked for: longer for what we can wake. */
export function lifetimeOf({ uri }: Address, rules: ProxyRules, subscriber: SubscriberRecord | undefined): ProxyLifetime {
  const target = wakeTargetOf(uri)
  const isWoken = target !== undefined && providersFor(rules.push, subscriber).includes(target.provider)
  if (!isWoken) return rules
  return { usual: Math.max(rules.usual, wakingLifetime.min), min: rules.min, max: wakingLifetime.max }
}
type ProxyLifetime = Pick<ProxyRules, 'usual' | 'min' | 'max'>

/**
 * The parameters of a Contact for its binding; undefined: it has none.
 * @param echo the Contact value as its device wrote it
 * @param providers those that can wake it
 */
export function notificationOf(
  { uri }: Address,
  echo: string,
  { clock, ids }: Host,
  providers: readonly string[],
): ContactNotification | undefined {
  if (withoutNotification(uri.text) === uri.text) return undefined
  const target = wakeTargetOf(uri)
  const since = clock.date()
  if (target === undefined || !providers.includes(target.provider)) return { echo, since }
  return { echo, since, name: nameOfTarget(target), purr: ids.token(22) }
}

/** Push servers that have an identifier of a subscriber. */
export function pushServersFor(push: ProxyRules['push'], subscriber: SubscriberRecord | undefined): ProxyRules['push'] {
  return push.filter(({ flags }) => subscriber?.push?.some(({ id }) => hasFlags(id, flags)) === true)
}

/** Values of `pn-provider` by which the Push servers of a subscriber wake his devices. */
export function providersFor(push: ProxyRules['push'], subscriber: SubscriberRecord | undefined): readonly string[] {
  return [...new Set(pushServersFor(push, subscriber).flatMap(({ wakes = [] }) => wakes))]
}

/** A proxy before us says that it wakes the device (RFC 8599 §5.3.1). */
function isWokenBefore({ flow, request }: Exchange, provider: string): boolean {
  if (!flow.trusted) return false
  return request.list('Feature-Caps').some((value) => {
    const parameters = parseAddress(`<sip:caps>${value.trim().replace(/^\*/, '')}`)?.parameters
    return parameters?.get('+sip.pns') === provider
  })
}

/** Whether the device that sent these Contacts has that binding. */
export function isOwnBinding({ contact, instance }: ContactBinding, contacts: readonly Address[]): boolean {
  return contacts.some(({ parameters, uri }) => {
    const own = parameters.get('+sip.instance')
    return own === undefined ? withoutNotification(uri.text.split('?')[0]!) === contact : own === instance
  })
}
