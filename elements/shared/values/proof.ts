/** How a user proves to an application server who he is (SPEC §4 step 2), so that nobody else can use what was sent. */
import { seal } from '../../../signalling/index.ts'

/** HMAC-SHA-256 in base64url. */
export function proofOf(secret: string, epuid: string, user: string, application: string): string {
  return seal(secret, `${epuid}\n${user}\n${application}`, 43)
}
