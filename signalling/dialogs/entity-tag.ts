/** Entity tags of notified state (RFC 5839): the same state of a package has the same tag, whoever is told. */
import type { EventPackage } from '../element.ts'
import { hashHex } from '../ids.ts'

export class EntityTags {
  private readonly known = new WeakMap<object, Map<string, string>>()

  /** Tag of `state` as rendered in `type`, without its version. Computed once a state object. */
  of(pack: EventPackage, state: unknown, type: string): string {
    const held = typeof state === 'object' && state !== null ? state : undefined
    const found = held && this.known.get(held)?.get(type)
    if (found !== undefined) return found
    const body = pack.render(state, { type, version: 0, previous: undefined })
    const content = body === undefined ? '' : Buffer.from(body.content).toString('latin1')
    const tag = hashHex('md5', `${type}\n${content}`).slice(0, 16)
    if (held !== undefined) {
      const tags = this.known.get(held) ?? new Map<string, string>()
      this.known.set(held, tags.set(type, tag))
    }
    return tag
  }
}
