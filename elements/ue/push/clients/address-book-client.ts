/**
 * An address book on a Push client (SPEC §5.3): name, number, nickname, address or code -> identifier, and identifier ->
 * friend. It sends to whom it knows, and takes cards that friends send.
 */
import { LocalEntries, type LocalEntry } from '../finding/entries.ts'
import { cardEntries } from '../finding/vcards.ts'
import type { OutgoingPush } from '../outgoing-push.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import { contentOf } from '../received-push.ts'

interface AddressBookClientOptions {
  readonly client: UePushClient
  /** Friends in its own store. */
  readonly friends: readonly LocalEntry[]
  /** Told of friends who came by a card. */
  readonly came?: (friends: readonly LocalEntry[]) => void
}

const id = 'org.proxima.address-book'

export class AddressBookClient {
  private readonly client: UePushClient
  private readonly own: LocalEntries
  private readonly endRunning: () => void

  constructor({ came, client, friends }: AddressBookClientOptions) {
    this.client = client
    this.own = new LocalEntries(client.agent.identity.split('@')[1]!, friends)
    this.endRunning = client.run({
      id,
      types: ['text/vcard', 'text/x-vcard'],
      take: (push) => {
        const cards = cardEntries(String(contentOf(push)))
        for (const card of cards) this.own.add(card)
        came?.(cards)
        return true
      },
    })
  }

  /** URI of a friend's identifier, by its own list and then by the network. Undefined: nobody, or several. */
  async identifierOf(name: string): Promise<string | undefined> {
    const own = [...new Set(this.own.find({ alias: name }).flatMap(({ uri }) => uri ?? []))]
    if (own.length > 0) return own.length === 1 ? own[0] : undefined
    const found = await this.client.finder.ask({ alias: name })
    const choices = (found ?? []).flatMap(({ uri }) => uri ?? [])
    return choices.length === 1 ? choices[0] : undefined
  }
  /** Name of a friend by his identifier. */
  async friendOf(uri: string): Promise<string | undefined> {
    const own = this.own.find({ id: uri }).find((entry) => (entry.name ?? entry.nickname) !== undefined)
    return own?.name ?? own?.nickname ?? this.client.finder.nameOf(uri)
  }
  /** Hands its Push client the identifier alone. */
  async send(name: string, push: Omit<OutgoingPush, 'to'>): Promise<SentPush> {
    const to = await this.identifierOf(name)
    if (to === undefined)
      return { status: 404, reason: 'Not Found', warning: `nobody, or several, are called ${name}`, to, messageId: '' }
    return this.client.send({ ...push, to })
  }
  end(): void {
    this.endRunning()
  }
}
