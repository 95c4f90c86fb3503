/** Registration of a Push client on a stage, in processes or not. */
import type { PushClientRegistration } from '../../../elements/ue/index.ts'
import type { PushClientOptions } from './flow.ts'

export function clientRegistration({ device = '00000000ca11', push }: PushClientOptions): PushClientRegistration {
  return { identifier: `sip:${push};user=push`, instance: `urn:uuid:00000000-0000-1000-8000-${device}` }
}
