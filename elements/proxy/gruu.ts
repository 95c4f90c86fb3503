/**
 * GRUUs (RFC 5627): URIs that lead to one instance of a user, wherever it is registered now. The public one names user and
 * instance; temporary ones say nothing, any two of them look unrelated, and they live as long as their registration.
 */
import { type Host, hide, keptSecret, reveal, type Uri } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { type ContactBinding, publicGruu } from '../shared/state/contact-binding.ts'
import type { Bindings } from './bindings.ts'

const temporary = /^tg-([A-Za-z0-9_-]{22})$/
const nameLength = 10 // bytes that name a registration; the other six of a block make each URI another

/** The owner of a GRUU. `instance` undefined: nobody any more. */
export interface GruuOwner {
  readonly aor: string
  readonly instance: string | undefined
}

export class Gruus {
  private readonly host: Host
  private readonly bindings: Bindings
  private readonly key: string

  private constructor(host: Host, bindings: Bindings, key: string) {
    this.host = host
    this.bindings = bindings
    this.key = key
  }
  /** Opens them with their key. It is kept in the store: a GRUU given out before a restart still works. */
  static async open(host: Host, bindings: Bindings): Promise<Gruus> {
    return new Gruus(host, bindings, await keptSecret(host.store, host.ids, `gruu/${host.name}/key`))
  }
  /** A name for a registration, to stand in its binding. */
  name(): string {
    return this.host.ids.hex(nameLength)
  }
  /** True where the URI has the form of a GRUU of ours, given out or not. */
  isOurs(uri: Uri): boolean {
    return uri.parameters.size > 0 && uri.parameters.has('gr') && this.host.domains.includes(uri.host)
  }
  /** Of a URI that `isOurs`; undefined: none that we know (RFC 5627 §5.4: 404). */
  meant(uri: Uri): GruuOwner | undefined {
    const urn = uri.parameters.get('gr')!
    if (urn === '') return this.meantByTemporary(uri.user)
    const aor = deviceKey(uri, this.host.domains)
    if (aor === undefined) return undefined
    const wanted = urn.toLowerCase()
    const found = this.bindings.of(aor).find(({ instance }) => {
      const gruu = instance === undefined ? undefined : publicGruu(aor, instance)
      return gruu !== undefined && gruu.slice(gruu.lastIndexOf(';gr=') + 4).toLowerCase() === wanted
    })
    return { aor, instance: found?.instance }
  }
  private meantByTemporary(user: string): GruuOwner | undefined {
    const token = temporary.exec(user)?.[1]
    if (token === undefined) return undefined
    const block = Buffer.from(token, 'base64url')
    return this.bindings.ofGruu(reveal(this.key, block).toString('hex', 0, nameLength))
  }
  /** Live bindings of its owner, oldest first. */
  bindingsOf({ aor, instance }: GruuOwner): readonly ContactBinding[] {
    return instance === undefined ? [] : this.bindings.of(aor).filter((binding) => binding.instance === instance)
  }
  /** Contact parameters for the 200 to a REGISTER (RFC 5627 §5.2). */
  parameters(aor: string, { instance, gruu }: ContactBinding): string {
    const gruuUri = instance === undefined ? undefined : publicGruu(aor, instance)
    if (gruuUri === undefined) return ''
    return `;pub-gruu="${gruuUri}"${gruu === undefined ? '' : `;temp-gruu="${this.mint(gruu)}"`}`
  }
  private mint(name: string): string {
    const block = hide(this.key, Buffer.from(name + this.host.ids.hex(16 - nameLength), 'hex'))
    return `sip:tg-${block.toString('base64url')}@${this.host.domains[0]};gr`
  }
}
