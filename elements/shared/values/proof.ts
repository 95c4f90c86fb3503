/** Proof of a user to an application server (SPEC §4 step 2), useless to anybody else who sees it. */
import { seal } from '../../../signalling/index.ts'

/** HMAC-SHA-256 in base64url. */
export function proofOf(secret: string, epuid: string, user: string, application: string): string {
  return seal(secret, `${epuid}\n${user}\n${application}`, 43)
}
