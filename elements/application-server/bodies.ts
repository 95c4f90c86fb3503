/** What subscribers of an application server are told (SPEC §3.5): users near them, and the same as presence. */
import type { Body } from '../../signalling/index.ts'
import { writeBody } from '../schemas/index.ts'
import { escaped } from '../services/xml.ts'
import type { NearUser } from './near-users.ts'

/** State of one NOTIFY of `proximate-users`. */
export interface UsersView {
  readonly user: string
  readonly near: readonly NearUser[]
}

/** State of one NOTIFY of the presence view: one buddy, as one watcher sees him. */
export interface BuddyView {
  /** Whom the watcher has asked about. */
  readonly entity: string
  /** RFC 3339; undefined: not near. */
  readonly since: string | undefined
}

export const pidfType = 'application/pidf+xml'

export function usersBody(application: string, { user, near }: UsersView, version: number): Body {
  return writeBody('proximate-users', { version, user, application, proximate: near })
}

/** RFC 3863. */
export function buddyBody({ entity, since }: BuddyView): Body {
  const note = since === undefined ? '' : `<note xml:lang="en">nearby since ${since}</note><timestamp>${since}</timestamp>`
  const status = `<status><basic>${since === undefined ? 'closed' : 'open'}</basic></status>`
  const content = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${escaped(entity)}"><tuple id="nearby">${status}${note}</tuple></presence>
`
  return { type: pidfType, content }
}
