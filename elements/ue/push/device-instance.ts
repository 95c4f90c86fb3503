/** Name of a device over restarts of its Push client (RFC 5626 §4.1): by it a server knows that it is the same one. */
import { type Ids, keptSecret, type Store } from '../../../signalling/index.ts'
import { keyPart } from '../../shared/identifiers/keys.ts'

/** `urn:uuid:…`, made at the first start and kept. Rejects where the store fails. */
export async function deviceInstance(store: Store, ids: Ids, user: string): Promise<string> {
  const secret = await keptSecret(store, ids, `ue-push/${keyPart(user)}/instance`)
  const hex = Buffer.from(secret, 'base64url').toString('hex').slice(0, 32)
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!
  const version4 = `${hex.slice(0, 12)}4${hex.slice(13, 16)}${variant}${hex.slice(17)}` // RFC 4122 §4.4
  return `urn:uuid:${version4.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`
}
