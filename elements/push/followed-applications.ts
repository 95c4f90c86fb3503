/** Applications that other Push servers of this operator have approved, by their feeds (SPEC §5.4): they count here too. */
import type { Host } from '../../signalling/index.ts'
import type { PushApplication } from '../schemas/index.ts'
import { Feed } from '../shared/clients/feed.ts'
import { applicationsEvent } from './application-feed.ts'
import { maySend } from './applications.ts'

export class FollowedApplications {
  private readonly feeds: readonly Feed<typeof applicationsEvent>[]
  /** Server -> what it has told last. */
  private readonly lists = new Map<string, readonly PushApplication[]>()
  private byId = new Map<string, PushApplication>()

  /** @param servers names of the other servers */
  constructor(host: Host, servers: readonly string[]) {
    this.feeds = servers.map(
      (server) =>
        new Feed({
          host,
          to: `sip:${server}@${host.domains[0]}`,
          event: applicationsEvent,
          onBody: (body) => body && this.learn(server, body.applications),
          unreadable: () => undefined, // the last list that could be read stays
        }),
    )
    host.gauge('applications_followed', () => this.byId.size)
  }
  start(): void {
    for (const feed of this.feeds) feed.start()
  }
  stop(): void {
    for (const feed of this.feeds) feed.stop()
  }

  get(id: string): PushApplication | undefined {
    return this.byId.get(id)
  }
  /** Applications that may send. */
  approved(): readonly PushApplication[] {
    return [...this.byId.values()].filter(maySend)
  }
  ofPush(id: string): PushApplication | undefined {
    return [...this.byId.values()].find(({ push }) => push === id)
  }
  /** One that some server lets send goes before one that is revoked elsewhere. */
  private learn(server: string, applications: readonly PushApplication[]): void {
    this.lists.set(server, applications)
    const all = [...this.lists.values()].flat()
    this.byId = new Map([...all.filter((each) => !maySend(each)), ...all.filter(maySend)].map((each) => [each.id, each]))
  }
}
