/**
 * Contacts as another operator sees them: no address of a device or of an inner node leaves the network (SPEC §2.6). Each is a
 * URI at our own address, out of which only we read the real one.
 */
import {
  type Flow,
  type Host,
  keptSecret,
  parseAddress,
  parseUri,
  printHostPort,
  sameSecret,
  seal,
  TextCipher,
  type Uri,
} from '../../signalling/index.ts'

const form = /^ct-([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{12})$/
const displayName = /^\s*(?:"(?:[^"\\]|\\.)*"\s*|[^<"]*)(?=<)/ // which may say the address too
const remembered = 10_000

export class HiddenContacts {
  private readonly host: Host
  private readonly key: string
  private readonly cipher: TextCipher
  /** User parts that were read before, the newest last. */
  private readonly known = new Map<string, Uri>()

  private constructor(host: Host, key: string) {
    this.host = host
    this.key = key
    this.cipher = new TextCipher(key)
  }
  /** Opens them with their key. It is kept in the store: dialogs outlive a restart. */
  static async open(host: Host): Promise<HiddenContacts> {
    return new HiddenContacts(host, await keptSecret(host.store, host.ids, `contacts/${host.name}/key`))
  }
  /** Contact values for a message to a peer; undefined: they may be seen as they are. `flow`: leads to the peer. */
  shown(values: readonly string[], flow: Flow | undefined): readonly string[] | undefined {
    const { flows, contact } = this.host
    const contacts = values.map(parseAddress)
    if (contacts.every((each) => each === undefined || flows.isOurs(each.uri.host, each.uri.port))) return undefined
    const at = flow === undefined ? contact.slice(contact.indexOf('@') + 1) : printHostPort(flow.sentBy ?? flow.local)
    return values.map((value, i) => {
      const found = contacts[i]
      if (found === undefined || flows.isOurs(found.uri.host, found.uri.port)) return value
      const { text, scheme } = found.uri
      const uri = `${scheme === 'sips' ? 'sips' : 'sip'}:${this.hide(text)}@${at}`
      return value.replace(displayName, '').replace(text, uri)
    })
  }
  private hide(text: string): string {
    const body = this.cipher.hide('contact', text).toString('base64url')
    return `ct-${body}.${seal(this.key, body, 12)}`
  }
  /** The Contact for which a URI of ours stands; undefined: it is no such URI. */
  meant({ user }: Uri): Uri | undefined {
    if (!user.startsWith('ct-')) return undefined
    const known = this.known.get(user)
    if (known !== undefined) return known
    const [, body, mark] = form.exec(user) ?? []
    if (body === undefined || !sameSecret(seal(this.key, body, 12), mark!)) return undefined
    const uri = parseUri(this.cipher.reveal('contact', Buffer.from(body, 'base64url')))
    if (uri === undefined) return undefined
    this.known.set(user, uri)
    if (this.known.size > remembered) this.known.delete(this.known.keys().next().value!)
    return uri
  }
}
