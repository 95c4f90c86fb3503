/** Registration of a Push client on a stage, in processes or not. */
import type { PushClientRegistration } from '../../../elements/ue/index.ts'
import type { PushClientOptions } from './flow.ts'

export function clientRegistration({ device, push }: PushClientOptions): PushClientRegistration {
  const identifier = `sip:${push};user=push`
  return device === undefined ? { identifier } : { identifier, instance: `urn:uuid:00000000-0000-1000-8000-${device}` }
}
