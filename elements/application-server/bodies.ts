/** NOTIFY bodies of an application server (SPEC §3.5): users near a subscriber, and the same as presence. */
import type { Body } from '../../signalling/index.ts'
import { writeBody } from '../schemas/index.ts'
import { escaped } from '../shared/values/xml.ts'
import type { NearUser } from './near-users.ts'

/** State of one NOTIFY of `proximate-users`. */
export interface UsersView {
  readonly user: string
  readonly near: readonly NearUser[]
}

/** State of one NOTIFY of the presence view: one buddy, as one watcher sees him. */
export interface BuddyView {
  /** The user that the watcher has asked about. */
  readonly entity: string
  /** RFC 3339; undefined: not near. */
  readonly since: string | undefined
  /** As people write the buddy. */
  readonly name: string
  readonly application: string
}

export const pidfType = 'application/pidf+xml'

export function usersBody(application: string, { user, near }: UsersView, version: number): Body {
  return writeBody('proximate-users', { version, user, application, proximate: near })
}

/** RFC 3863. The presence of a user who is not near does not tell whether he uses the application (SPEC §2.5). */
export function buddyBody({ entity, since, name, application }: BuddyView): Body {
  const seen = `proxima ue ${name} --application ${application}`
  const away = `${name} is not near, or does not use ${application}: to be seen he runs ${seen}`
  const text = `<note xml:lang="en">${escaped(since === undefined ? away : `nearby since ${since}`)}</note>`
  const note = since === undefined ? text : `${text}<timestamp>${since}</timestamp>`
  const status = `<status><basic>${since === undefined ? 'closed' : 'open'}</basic></status>`
  const content = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${escaped(entity)}"><tuple id="nearby">${status}${note}</tuple></presence>
`
  return { type: pidfType, content }
}
