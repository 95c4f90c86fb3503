/** Waking as a REGISTER at a Push server has it (SPEC §5.8): which Contacts are refused, and which device a removal means. */
import { type Address, canonical, type SipRequest } from '../../../signalling/index.ts'
import { providerAsked, wakeTargetOf, wakingLifetime } from '../../shared/values/push-notification.ts'
import type { DeviceBinding } from '../device-binding.ts'
import type { WakeProviders } from './providers.ts'

interface RegisterRefusal {
  readonly status: 423 | 555
  readonly warning: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/**
 * A client's own REGISTER is judged here. Of that which a proxy sends for it, the proxy has judged it, and its seconds are what
 * is left of them.
 */
export function notifiableFaultOf(
  request: SipRequest,
  contacts: readonly Address[],
  providers: WakeProviders,
): RegisterRefusal | undefined {
  if (canonical(request.from.uri) !== canonical(request.to.uri)) return undefined
  for (const { parameters, uri } of contacts) {
    const provider = providerAsked(uri)
    const seconds = Number(parameters.get('expires') ?? request.expires ?? wakingLifetime.min)
    if (provider === undefined || seconds === 0) continue
    if (provider !== '' && providers.get(provider) === undefined) {
      const expected = providers.names.join(' or ') || 'a Contact without pn-provider'
      return { status: 555, warning: `pn-provider ${provider.slice(0, 40)} is not supported; expected ${expected}`, headers: [] }
    }
    if (wakeTargetOf(uri) === undefined || seconds >= wakingLifetime.min) continue
    const min = String(wakingLifetime.min)
    const warning = `Expires is too short to be woken; expected ${min} seconds or more`
    return { status: 423, warning, headers: [['Min-Expires', min]] }
  }
  return undefined
}

/**
 * The binding as it counts here: not for longer than may be, without what no provider of ours wakes. A removal without PRID is of
 * the device that has that Contact.
 */
export function sleepless(binding: DeviceBinding, known: readonly DeviceBinding[], providers: WakeProviders): DeviceBinding {
  const { waking, ...rest } = binding
  if (waking !== undefined && providers.get(waking.provider) !== undefined)
    return { ...binding, expires: Math.min(binding.expires, waking.since + wakingLifetime.max * 1000) }
  const own = known.find(({ device }) => device === binding.device)
  const named = own ?? known.find(({ contact, device }) => contact === binding.contact && device.startsWith('pn-'))
  return { ...(rest as DeviceBinding), device: named?.device ?? binding.device }
}
