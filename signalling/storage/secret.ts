/** Secrets that outlive a process: a text sealed before a restart is still valid after it. */
import type { Ids } from '../ids.ts'
import type { Store } from './store.ts'

/** The secret under that key, made now, and durable, if there is none: 43 characters of base64url. */
export async function keptSecret(store: Store, ids: Ids, key: string): Promise<string> {
  const kept = await store.get(key)
  if (typeof kept?.value === 'string') return kept.value
  const secret = ids.token(43)
  await store.write([{ key, value: secret }])
  return secret
}
