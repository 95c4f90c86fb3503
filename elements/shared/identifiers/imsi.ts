/** IMSIs as users of SIP URIs (SPEC §2.1, §5.6): `sip:imsi-<15 digits>@<smsc host>`. */
import type { Uri } from '../../../signalling/index.ts'

/** Undefined: the user is none. */
export function imsiOf({ user }: Uri): string | undefined {
  return /^imsi-(\d{15})$/.exec(user)?.[1]
}

/** @param host of the short message centre */
export function imsiUri(imsi: string, host: string): string {
  return `sip:imsi-${imsi}@${host}`
}
