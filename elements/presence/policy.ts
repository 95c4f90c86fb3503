/** Who may watch whom: what a presentity has settled for others (in the spirit of RFC 5025), and what holds without it. */
import type { SubscriberRecord, WatcherRules } from '../schemas/index.ts'

/** `confirm`: pending until somebody decides; `polite`: they see somebody who is never there. */
export type Verdict = 'allow' | 'block' | 'polite' | 'confirm'

/** `friends`: whoever is not on the list of friends has to wait. */
export type Usual = 'everybody' | 'friends'

/** Both identifiers canonical. A presentity that nobody knows looks like one that has not decided yet. */
export function verdictOn(watcher: string, presentity: string, record: SubscriberRecord | undefined, usual: Usual): Verdict {
  if (watcher === presentity) return 'allow'
  if (record === undefined) return usual === 'everybody' ? 'allow' : 'confirm'
  const rules: WatcherRules = record.watchers ?? {}
  if (rules.block?.includes(watcher) === true) return 'block'
  if (rules.polite?.includes(watcher) === true) return 'polite'
  if (rules.allow?.includes(watcher) === true || record.friends?.includes(watcher) === true) return 'allow'
  return rules.others ?? (usual === 'everybody' ? 'allow' : 'confirm')
}
