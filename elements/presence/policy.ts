/** Policy of presence: a presentity's settings for its watchers (in the spirit of RFC 5025), and the default without them. */
import type { SubscriberRecord, WatcherRules } from '../schemas/index.ts'

/** `confirm`: pending until somebody decides; `polite`: they see somebody who is never there. */
export type Verdict = 'allow' | 'block' | 'polite' | 'confirm'

/** `friends`: a watcher who is not on the list of friends has to wait. */
type WatcherDefault = 'everybody' | 'friends'

/**
 * A presentity that nobody knows looks like one that has not decided yet.
 *
 * @param watcher all his identifiers, canonical: any of them may have been settled something for
 */
export function verdictOn(
  watcher: readonly string[],
  presentity: string,
  record: SubscriberRecord | undefined,
  usual: WatcherDefault,
): Verdict {
  if (watcher.includes(presentity)) return 'allow'
  if (record === undefined) return usual === 'everybody' ? 'allow' : 'confirm'
  const rules: WatcherRules = record.watchers ?? {}
  const names = (list: readonly string[] | undefined): boolean => list?.some((each) => watcher.includes(each)) === true
  if (names(rules.block)) return 'block'
  if (names(rules.polite)) return 'polite'
  if (names(rules.allow) || names(record.friends)) return 'allow'
  return rules.others ?? (usual === 'everybody' ? 'allow' : 'confirm')
}
