/** URIs of Push identifiers as a client meets them, of its own operator or another (SPEC §2.1). */
import { isMarkedPush, pushIdentifier } from '../../../shared/identifiers/push.ts'

/** Whether a URI is that of a Push identifier: by its user part at a Push host, or marked so. */
export function isPushIdentifierUri(uri: string): boolean {
  const [, user = '', host = '', parameters = ''] = /^sips?:([^@;]+)@([^;]+)(.*)$/i.exec(uri) ?? []
  const marked = /;user=([^;]+)/i.exec(parameters)?.[1]
  return pushIdentifier(user) !== undefined && (/^push\./i.test(host) || isMarkedPush(marked))
}
