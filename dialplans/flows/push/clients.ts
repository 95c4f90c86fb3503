/** Push clients on the UEs of a flow, and desktops that are made up for them. */
import {
  contentOf,
  type Desktop,
  type DesktopApplication,
  type OpenAnswer,
  type PushNotice,
  type PushReceipt,
  type Ue,
  UePushClient,
  type UePushClientOptions,
} from '../../../elements/ue/index.ts'
import { memoryStore, type Store, silent } from '../../../signalling/index.ts'
import type { Stage } from '../stage/flow.ts'

type ClientOptions = Partial<Omit<UePushClientOptions, 'agent' | 'clock' | 'log'>>

/** A client, what its user was told, and the receipts that came for what it sent. */
export interface ClientOnStage {
  readonly client: UePushClient
  readonly notices: readonly PushNotice[]
  readonly receipts: readonly PushReceipt[]
  readonly store: Store
}

/** A Push client on a UE that is registered already. */
export async function clientOn(stage: Stage, { agent }: Pick<Ue, 'agent'>, options: ClientOptions = {}): Promise<ClientOnStage> {
  const { clock } = stage
  const { prompters = [], store = memoryStore(clock), ...others } = options
  const notices: PushNotice[] = []
  const receipts: PushReceipt[] = []
  const prompt = (notice: PushNotice): void => void notices.push(notice)
  const client = new UePushClient({ agent, clock, log: silent, store, prompters: [prompt, ...prompters], ...others })
  client.onReceipt((receipt) => receipts.push(receipt))
  await stage.during(client.start())
  return { client, notices, receipts, store }
}

/** Texts that a running application of that id gets. */
export function textsFor(client: UePushClient, id: string, types: readonly string[] = []): readonly string[] {
  const got: string[] = []
  client.run({ id, types, take: (push) => got.push(`${push.source} ${contentOf(push)}`) > 0 })
  return got
}

type ApplicationParts = Pick<DesktopApplication, 'id'> & Partial<DesktopApplication>

/** A desktop application with a name made of its id, that opens pictures. */
export function desktopApplication({ id, ...others }: ApplicationParts): DesktopApplication {
  const usual = { types: ['image/*'], similar: [], kinds: [], handsOver: false, opensMany: true, isForPush: false }
  return { id, name: id.split('.').at(-1)!, digest: `first ${id}`, ...usual, ...others }
}

/** A desktop on which nothing but what a flow says happens. */
export class StageDesktop implements Desktop {
  applications: readonly DesktopApplication[]
  /** Media type -> id. */
  readonly defaults: { readonly [type: string]: string }
  /** Ids of applications of which a process runs. */
  readonly processes = new Set<string>()
  /** Each start: the application, and the content of its files. */
  readonly starts: (readonly [id: string, contents: readonly string[]])[] = []
  private readonly files = new Map<string, string>()

  constructor(applications: readonly DesktopApplication[], defaults: { readonly [type: string]: string } = {}) {
    this.applications = applications
    this.defaults = defaults
  }
  async installed(): Promise<readonly DesktopApplication[]> {
    return this.applications
  }
  async defaultFor(type: string): Promise<string | undefined> {
    return this.defaults[type]
  }
  async isRunning({ id }: DesktopApplication): Promise<boolean> {
    return this.processes.has(id)
  }
  async keep(content: Buffer): Promise<string> {
    const path = `/private/${this.files.size}`
    this.files.set(path, String(content))
    return path
  }
  async open({ id }: DesktopApplication, files: readonly string[]): Promise<boolean> {
    this.starts.push([id, files.map((file) => this.files.get(file) ?? '')])
    this.processes.add(id)
    return true
  }
  get started(): string {
    return this.starts.map(([id, contents]) => `${id}: ${contents.join(' ')}`).join(', ')
  }
}

/** A user who gives these answers, one after the other, and then the last one. */
export class StageUser {
  readonly asked: string[] = []
  private readonly answers: readonly OpenAnswer[]

  constructor(...answers: readonly OpenAnswer[]) {
    this.answers = answers
  }
  readonly answer = async ({ application, sender }: PushNotice): Promise<OpenAnswer> => {
    this.asked.push(`${application} for ${sender}`)
    return this.answers[Math.min(this.asked.length, this.answers.length) - 1]!
  }
}

/** Event packages that a UE's agent asks about from now on. */
export function questionsOf({ agent }: Pick<Ue, 'agent'>): readonly string[] {
  const asked: string[] = []
  const subscribe = agent.subscribe.bind(agent)
  agent.subscribe = (watch, listener) => {
    asked.push(watch.event)
    return subscribe(watch, listener)
  }
  return asked
}
