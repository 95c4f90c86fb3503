/**
 * URIs of our network as another operator sees them: no address of a device or of an inner node leaves (SPEC §2.6). Each is a
 * URI at our own address. Only we read the real one out of it, in the dialog with the peer for which it was made.
 */
import {
  type Address,
  type Exchange,
  type Host,
  keptSecret,
  parseAddress,
  parseUri,
  seal,
  TextCipher,
  type Uri,
} from '../../signalling/index.ts'

const form = /^(ct|rr|pt|rc)-([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{12})$/
const remembered = 10_000

/** In dialogs Contacts, and Record-Routes of others than this proxy; of registrations at another operator Path and Contacts. */
type HiddenKind = keyof typeof salts

const salts = { ct: 'contact', rr: 'route', pt: 'path', rc: 'registered contact' } as const

/** A dialog with another operator. */
export interface PeerDialog {
  /** Name of that operator; undefined: it is with none. */
  readonly peer: string | undefined
  readonly callId: string
}

interface KnownUri extends PeerDialog {
  readonly text: string
}

export class HiddenContacts {
  private readonly host: Host
  private readonly key: string
  private readonly cipher: TextCipher
  /** User parts that were read before, the newest last. */
  private readonly known = new Map<string, KnownUri>()

  private constructor(host: Host, key: string) {
    this.host = host
    this.key = key
    this.cipher = new TextCipher(key)
  }
  /** Opens them with their key. It is kept in the store: dialogs outlive a restart. */
  static async open(host: Host): Promise<HiddenContacts> {
    return new HiddenContacts(host, await keptSecret(host.store, host.ids, `contacts/${host.name}/key`))
  }
  /** The user part that stands for that text in that dialog. */
  hide(kind: HiddenKind, text: string, dialog: PeerDialog): string {
    const body = this.cipher.hide(salts[kind], text).toString('base64url')
    return `${kind}-${body}.${this.sealOf(kind, body, dialog)}`
  }
  /** Whether it has the form of a hidden Contact at our address: no user is called so. */
  isContact({ user, host, port }: Uri): boolean {
    return user.startsWith('ct-') && form.test(user) && this.host.flows.isOurs(host, port)
  }
  /** The dialog of a request, with the operator that has sent it. */
  dialogOf({ flow, request }: Exchange): PeerDialog {
    return { peer: this.host.peers.nameAt(flow), callId: request.callId }
  }
  /** The Contact for which a URI of ours stands; undefined: it stands for none in that dialog. */
  meant({ user }: Uri, dialog: PeerDialog): Uri | undefined {
    const text = this.reveal('ct', user, dialog)
    return text === undefined ? undefined : parseUri(text)
  }
  /** Route values of others behind our own; undefined: one of them is of another dialog. */
  routesBehind(routes: readonly Address[], dialog: PeerDialog): readonly string[] | undefined {
    const behind: string[] = []
    for (const { uri } of routes) {
      if (!isHiddenRoute(uri)) continue
      const text = this.reveal('rr', uri.user, dialog)
      if (text === undefined || parseAddress(text) === undefined) return undefined
      behind.push(text)
    }
    return behind
  }
  /** The text for which a user part stands in that dialog; undefined: in that one for none. */
  reveal(kind: HiddenKind, user: string, dialog: PeerDialog): string | undefined {
    if (dialog.peer === undefined) return undefined
    const known = this.known.get(user)
    if (known !== undefined && known.peer === dialog.peer && known.callId === dialog.callId) return known.text
    const [, found, body, mark] = form.exec(user) ?? []
    if (found !== kind || body === undefined || this.sealOf(kind, body, dialog) !== mark) return undefined
    const text = this.cipher.reveal(salts[kind], Buffer.from(body, 'base64url'))
    this.known.set(user, { ...dialog, text })
    if (this.known.size > remembered) this.known.delete(this.known.keys().next().value!)
    return text
  }
  private sealOf(kind: HiddenKind, body: string, { peer, callId }: PeerDialog): string {
    return seal(this.key, `${kind} ${peer} ${body} ${callId}`, 12)
  }
}

/** A registration at another operator is no dialog: what is hidden in it leads back for that operator alone. */
export function registrationAt(peer: string | undefined): PeerDialog {
  return { peer, callId: '' }
}

export function isHiddenPath({ user }: Uri): boolean {
  return user.startsWith('pt-') && form.test(user)
}

export function isHiddenRoute({ user }: Uri): boolean {
  return user.startsWith('rr-') && form.test(user)
}
