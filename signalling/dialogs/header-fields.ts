/** Header fields of a notifier's messages. */
import type { HeaderList } from '../messages/build.ts'
import { type SubscriptionRecord, secureAs } from './subscription-record.ts'

/** Header fields of the answer to a SUBSCRIBE. */
export function grant(seconds: number, contact: string, packages: string, requires: string | undefined): HeaderList {
  return [
    ...(requires === undefined ? [] : [['Require', requires] as const]),
    ['Expires', String(seconds)],
    ['Contact', `<${contact}>`],
    ['Allow-Events', packages],
  ]
}

/** Fields of a NOTIFY; those of its body, or of the package, are added. */
export function notifyFields(
  { callId, localTag, localUri, remoteTag, remoteTarget, remoteUri }: SubscriptionRecord,
  cseq: number,
  contact: string,
  event: string,
  state: string,
): [string, string][] {
  return [
    ['From', `<${localUri}>;tag=${localTag}`],
    ['To', `<${remoteUri}>;tag=${remoteTag}`],
    ['Call-ID', callId],
    ['CSeq', `${cseq} NOTIFY`],
    ['Contact', `<${secureAs(remoteTarget, contact)}>`],
    ['Event', event],
    ['Subscription-State', state],
  ]
}
