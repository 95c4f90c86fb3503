/**
 * An RCS client on a Push client (SPEC §5.3): messages as RCS has them, CPIM with the service in P-Preferred-Service. The
 * user picks a friend and a service; servers know which application that stands for.
 */
import type { PushWish } from '../outgoing-push.ts'
import type { SentPush, UePushClient } from '../push-client.ts'
import { contentOf, type ReceivedPush } from '../received-push.ts'

interface RcsClientOptions {
  readonly client: UePushClient
  /** Service (RFC 6050) -> identifier of the application that it stands for at the user's operator. */
  readonly services: { readonly [service: string]: string }
  readonly received: (message: RcsMessage) => void
}

interface RcsMessage {
  readonly service: string
  readonly from: string
  readonly text: string
  readonly push: ReceivedPush
}

const wishes: readonly PushWish[] = ['positive-delivery', 'display']

export class RcsClient {
  private readonly options: RcsClientOptions
  private readonly ends: readonly (() => void)[]

  constructor(options: RcsClientOptions) {
    const { client, received, services } = options
    this.options = options
    this.ends = Object.entries(services).map(([service, id]) =>
      client.run({
        id,
        take: (push) => {
          received({ service, from: push.source, text: String(contentOf(push)), push })
          return true
        },
      }),
    )
  }
  /** @param friend name, number or address */
  send(friend: string, text: string, service: string): Promise<SentPush> {
    return this.options.client.send({ to: friend, type: 'text/plain; charset=utf-8', content: text, service, wishes })
  }
  end(): void {
    for (const end of this.ends) end()
  }
}
