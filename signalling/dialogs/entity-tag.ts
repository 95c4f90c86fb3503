/** Entity tags of notified state (RFC 5839): the same state of a package has the same tag for every subscriber. */
import type { EventPackage } from '../element.ts'
import { hashHex } from '../ids.ts'

/** Most states are told in one media type; smaller than a map, and there is one for each state. */
interface Known {
  readonly type: string
  readonly tag: string
  readonly other: Known | undefined
}

export class EntityTags {
  private readonly tags = new WeakMap<object, Known>()

  /** Tag of `state` as rendered in `type`, without its version. Computed once a state object. */
  of(pack: EventPackage, state: unknown, type: string): string {
    const held = typeof state === 'object' && state !== null ? state : undefined
    const newest = held && this.tags.get(held)
    for (let entry = newest; entry !== undefined; entry = entry.other) if (entry.type === type) return entry.tag
    const body = pack.render(state, { type, version: 0, previous: undefined })
    const content = body === undefined ? '' : Buffer.from(body.content).toString('latin1')
    const tag = hashHex('md5', `${type}\n${content}`).slice(0, 16)
    if (held !== undefined) this.tags.set(held, { type, tag, other: newest })
    return tag
  }
}
