/** Header fields by which elements know a sender, and others that he may not bring himself (SPEC §2.5, §3.6; RFC 3325). */
import { type ForwardOptions, H, type SipRequest } from '../../signalling/index.ts'
import type { KnownSender } from './authentication.ts'

/** `asserted`: the identity that goes on; absent: that of a trusted peer stays; '': none. */
export type Assertion = Pick<ForwardOptions, 'asserted' | 'drop'>

const onlyOurs = ['P-Prose-Checked', 'P-Credentials-Id', 'Remote-Party-ID', 'P-Asserted-Service', 'P-Served-User'] as const
const numbers = onlyOurs.map((name) => H[name])

/** For a sender without a trusted peer that vouches for him; undefined: nobody has asked who it is. */
export function assertionOf(request: SipRequest, identity: string | undefined): Assertion {
  let drop: string[] | undefined
  for (let i = 0; i < onlyOurs.length; i++) if (request.find(numbers[i]!) >= 0) (drop ??= []).push(onlyOurs[i]!)
  return drop === undefined ? { asserted: identity ?? '' } : { asserted: identity ?? '', drop }
}

/** RFC 3325 §7: toward a UE nobody's identity is told who does not want it told. */
export function towardUe(request: SipRequest, assertion: Assertion): Assertion {
  const wishes = request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
  return wishes.includes('id') ? { ...assertion, asserted: '' } : assertion
}

/** By which credentials a subscriber is known, for the element that keeps the subscription or publication. */
export function credentialsOf({ method }: SipRequest, sender: KnownSender | undefined): Pick<ForwardOptions, 'headers'> {
  const id = sender?.subscriber?.credentialsId
  return id === undefined || (method !== 'SUBSCRIBE' && method !== 'PUBLISH') ? {} : { headers: [['P-Credentials-Id', id]] }
}
