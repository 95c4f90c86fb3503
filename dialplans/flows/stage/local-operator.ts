/** An operator of elements that run in this process. */
import { type Hss, settingsOf } from '../../../elements/hss/index.ts'
import type { Mme } from '../../../elements/mme/index.ts'
import type { Pcrf, RuleSettings } from '../../../elements/pcrf/index.ts'
import { type ApplicationStep, type PushServer, pushRoutes } from '../../../elements/push/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import type { Element } from '../../../signalling/index.ts'
import type { ApplicationRule, HttpQuestion, HttpReply, Operator, SteppedApplication } from './operator.ts'
import { askRoutes } from './route-question.ts'

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
  http(server: string, question: HttpQuestion): Promise<HttpReply> {
    return askRoutes(pushRoutes([this.at.element(server) as PushServer]), question)
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
