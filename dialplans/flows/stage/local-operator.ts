/** An operator of elements that run in this process. */
import { type Hss, settingsOf } from '../../../elements/hss/index.ts'
import type { Mme } from '../../../elements/mme/index.ts'
import type { Pcrf, RuleSettings } from '../../../elements/pcrf/index.ts'
import { type ApplicationStep, type PushServer, pushRoutes } from '../../../elements/push/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import { type HttpPage, HttpProblem } from '../../../elements/shared/http/page.ts'
import type { HttpOperation } from '../../../elements/shared/http/route.ts'
import { type Element, silent } from '../../../signalling/index.ts'
import { openRouteAt } from '../../http/api.ts'
import type { ApplicationRule, HttpQuestion, HttpReply, Operator, SteppedApplication } from './operator.ts'

/** Both by the name of an element, which is another one after a restart. `settings`: those that it was started with. */
interface LocalElements {
  readonly element: (name: string) => Element
  readonly settings: (name: string) => object
}

export class LocalOperator implements Operator {
  private readonly at: LocalElements

  constructor(at: LocalElements) {
    this.at = at
  }
  async provision(subscriber: SubscriberSettings): Promise<void> {
    const [outcome] = await this.hss.provision([{ do: 'put', settings: subscriber }])
    if (outcome?.fault !== undefined) throw new Error(`${subscriber.id}: ${outcome.fault.pointer} ${outcome.fault.text}`)
  }
  async remove(id: string): Promise<void> {
    if (!(await this.hss.remove(id))) throw new Error(`there is no subscriber ${id}`)
  }
  async subscriber(id: string): Promise<SubscriberSettings | undefined> {
    const record = this.hss.held(id)
    return record && settingsOf(record)
  }
  async policy(rules: readonly RuleSettings[]): Promise<void> {
    const pcrf = this.at.element('pcrf') as Pcrf
    pcrf.reload({ ...this.at.settings('pcrf'), rules })
  }
  async application(server: string, id: string, step: ApplicationStep, rule: ApplicationRule = {}): Promise<SteppedApplication> {
    const outcome = await (this.at.element(server) as PushServer).applications.step(id, step, rule)
    if (outcome.fault !== undefined) throw new Error(outcome.text)
    return { ...outcome.application, ...(outcome.token === undefined ? {} : { token: outcome.token }) }
  }
  async http(server: string, { body = '', headers = {}, method, path }: HttpQuestion): Promise<HttpReply> {
    const found = openRouteAt(path, pushRoutes([this.at.element(server) as PushServer]))
    const operation = (found?.route.operations as { readonly [method: string]: HttpOperation } | undefined)?.[method]
    if (found === undefined || operation === undefined) throw new Error(`nothing serves ${method} ${path}`)
    const content = Buffer.from(body)
    const request = {
      parameters: Object.fromEntries(Object.entries(found.values).map(([name, value]) => [name, decodeURIComponent(value)])),
      query: new URLSearchParams(),
      headers: { host: '127.0.0.1', 'content-length': String(content.length), ...headers },
      body: bytesOf(content),
      ...{ who: 'a flow', isLocal: true, log: silent, seal: (text: string) => text },
    }
    const page = await pageOf(() => operation.serve(request))
    return {
      status: page.status,
      location: page.headers?.['Location'],
      body: page.text === undefined ? {} : (JSON.parse(page.text) as HttpReply['body']),
    }
  }
  async temporaryOf(mme: string, device: string): Promise<string | undefined> {
    return this.mme(mme).attached(device)?.temporary
  }
  async reallocate(mme: string, device: string): Promise<void> {
    if (!(await this.mme(mme).reallocate(device))) throw new Error(`${device} is not attached to ${mme}`)
  }

  private get hss(): Hss {
    return this.at.element('hss') as Hss
  }
  private mme(name: string): Mme {
    return this.at.element(name) as Mme
  }
}

async function* bytesOf(content: Buffer): AsyncIterable<Buffer> {
  yield content
}

/** A problem is an answer, too. */
async function pageOf(serve: () => HttpPage | Promise<HttpPage>): Promise<HttpPage> {
  try {
    return await serve()
  } catch (fault) {
    if (fault instanceof HttpProblem) return fault.page()
    throw fault
  }
}
