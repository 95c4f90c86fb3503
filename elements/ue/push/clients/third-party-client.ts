/** A third party's application on a Push client (SPEC §5.3): it has no server and no login of its own. */
import type { LocalEntries } from '../finding/entries.ts'
import type { OutgoingPush } from '../outgoing-push.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import type { ReceivedPush } from '../received-push.ts'

interface ThirdPartyClientOptions {
  readonly client: UePushClient
  /** Application identifier. */
  readonly application: string
  /** Its own list of people: a name in there never reaches the Push client (FIG 5, FIG 7). */
  readonly people?: LocalEntries
  /** False: it cannot take it. */
  readonly received: (push: ReceivedPush) => boolean
}

export class ThirdPartyClient {
  private readonly options: ThirdPartyClientOptions
  private readonly endRunning: () => void

  constructor(options: ThirdPartyClientOptions) {
    const { application: id, client, received } = options
    this.options = options
    this.endRunning = client.run({ id, take: received })
  }
  /** @param to a name of its own list, or whatever its Push client finds */
  send(to: string, push: Omit<OutgoingPush, 'to' | 'application'>): Promise<SentPush> {
    const { application, client, people } = this.options
    const [known, other] = people?.find({ alias: to }) ?? []
    const found = other === undefined ? known?.uri : undefined
    return client.send({ ...push, to: found ?? to, application })
  }
  end(): void {
    this.endRunning()
  }
}
