/** An operator of nodes in processes of their own: by HTTP with the token, and by the dialplan's file and SIGHUP. */

import type { SubscriberClient } from '../../../dialplans/commands/hss/client.ts'
import { CommandRefusal } from '../../../dialplans/commands/support/refusal.ts'
import type {
  ApplicationRule,
  HttpQuestion,
  HttpReply,
  Operator,
  SteppedApplication,
} from '../../../dialplans/flows/stage/operator.ts'
import type { RuleSettings } from '../../../elements/pcrf/index.ts'
import type { ApplicationStep } from '../../../elements/push/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'

/** What an operator has of a network. */
export interface Console {
  /** The first of its domains. */
  readonly domain: string
  /** The HTTP side of the node that has that element. */
  client(element: string): SubscriberClient
  /** Settings of that element in the file. */
  planned(element: string): object
  /** Writes others there and has the element's node read the file again; resolves when it has. */
  replan(element: string, settings: object): Promise<void>
  /** Resolves once the element's node has every answer: whom it tells of changes knows them. */
  settled(element: string): Promise<void>
}

interface PlannedHss {
  readonly subscribers?: readonly SubscriberSettings[]
}

export class ConsoleOperator implements Operator {
  private readonly console: Console
  /** Whom it has changed. */
  private readonly changed = new Set<string>()
  /** Applications that it has taken a step further, with their Push servers. */
  private readonly applications = new Map<string, { readonly server: string; readonly id: string }>()
  /** What the PCRF had before. */
  private policyBefore: object | undefined

  constructor(console: Console) {
    this.console = console
  }
  async provision(subscriber: SubscriberSettings): Promise<void> {
    this.changed.add(subscriber.id)
    await this.hss.ask('PUT', pathOf(subscriber.id), { body: subscriber })
    await this.console.settled('hss')
  }
  async remove(id: string): Promise<void> {
    this.changed.add(id)
    await this.hss.ask('DELETE', pathOf(id))
    await this.console.settled('hss')
  }
  async subscriber(id: string): Promise<SubscriberSettings | undefined> {
    const { value } = await this.hss.ask<{ subscribers: readonly SubscriberSettings[] }>(
      'GET',
      `/v1/subscribers?limit=1&prefix=${encodeURIComponent(id)}`,
    )
    return value.subscribers.find((one) => one.id === id)
  }
  async policy(rules: readonly RuleSettings[]): Promise<void> {
    const before = this.console.planned('pcrf')
    this.policyBefore ??= before
    await this.console.replan('pcrf', { ...before, rules })
    await this.console.settled('pcrf')
  }
  async application(server: string, id: string, step: ApplicationStep, rule: ApplicationRule = {}): Promise<SteppedApplication> {
    this.applications.set(`${server} ${id}`, { server, id })
    const path = `${applicationPath(id)}/${step}`
    return (await this.console.client(server).ask<SteppedApplication>('POST', path, { body: rule })).value
  }
  async http(server: string, { body, headers, method, path }: HttpQuestion): Promise<HttpReply> {
    const response = await fetch(this.console.client(server).url + path, { method, headers: { ...headers }, body: body ?? null })
    const text = await response.text()
    return {
      status: response.status,
      location: response.headers.get('Location') ?? undefined,
      body: text === '' ? {} : (JSON.parse(text) as HttpReply['body']),
    }
  }
  async temporaryOf(mme: string, device: string): Promise<string | undefined> {
    type Places = { readonly at: readonly { readonly mme: string; readonly temporary: string }[] }
    try {
      const { value } = await this.console.client(mme).ask<Places>('GET', attachedPath(device))
      return value.at.find((place) => place.mme === mme)?.temporary
    } catch (fault) {
      if (fault instanceof CommandRefusal && /is attached to no MME/.test(fault.message)) return undefined
      throw fault
    }
  }
  async reallocate(mme: string, device: string): Promise<void> {
    await this.console.client(mme).ask('POST', `${attachedPath(device)}/reallocate`)
  }

  /** Everything as the dialplan has it. */
  /** Takes Push identifiers from all who have some: their devices are forgotten, and what waits for them is over. `undo` gives them back. */
  async forgetDevices(): Promise<void> {
    const { subscribers = [] } = this.console.planned('hss') as PlannedHss
    for (const { push, ...rest } of subscribers) {
      if (push === undefined) continue
      const id = rest.id.includes(':') ? rest.id : `sip:${rest.id}@${this.console.domain}`
      this.changed.add(id)
      await this.hss.ask('PUT', pathOf(id), { body: rest })
    }
  }
  async undo(): Promise<void> {
    for (const { id, server } of this.applications.values()) {
      const client = this.console.client(server)
      const { value } = await client.ask<SteppedApplication>('GET', applicationPath(id))
      if (['approved', 'consented'].includes(value.state)) await client.ask('POST', `${applicationPath(id)}/revoke`)
    }
    this.applications.clear()
    const { subscribers = [] } = this.console.planned('hss') as PlannedHss
    for (const id of this.changed) {
      const planned = subscribers.find((one) => one.id === id || `sip:${one.id}@${this.console.domain}` === id)
      if (planned !== undefined) await this.hss.ask('PUT', pathOf(id), { body: planned })
      else if ((await this.subscriber(id)) !== undefined) await this.hss.ask('DELETE', pathOf(id))
    }
    if (this.changed.size > 0) await this.console.settled('hss')
    this.changed.clear()
    if (this.policyBefore === undefined) return
    await this.console.replan('pcrf', this.policyBefore)
    await this.console.settled('pcrf')
    this.policyBefore = undefined
  }

  private get hss(): SubscriberClient {
    return this.console.client('hss')
  }
}

function pathOf(id: string): string {
  return `/v1/subscribers/${encodeURIComponent(id)}`
}
function attachedPath(device: string): string {
  return `/v1/attached/${encodeURIComponent(device)}`
}
function applicationPath(id: string): string {
  return `/v1/applications/${encodeURIComponent(id)}`
}
