/**
 * Lifecycle of a node's elements. Each is taken up with its stored state and subscriptions, and may be let go while the node
 * runs. Its requests wait then for the node that takes it up next, and its peers hear nothing of it.
 */
import { settled } from '../dialogs/letting-go.ts'
import type { Element } from '../element.ts'
import type { Instances } from '../routing/instances.ts'
import { type HostParts, type Tenure, tenureOf } from './hosts.ts'

interface Running {
  readonly element: Element
  readonly tenure: Tenure
}

const changePatience = 2_000 // milliseconds that a node which stops waits for changes under way
const storePatience = 5_000 // milliseconds in which the store has to take what is known of subscriptions

export class ElementLifecycle {
  private readonly parts: HostParts
  private readonly instances: Instances
  private readonly running = new Map<string, Running>()
  private readonly starting = new Map<string, Tenure>()
  /** Elements that are being let go, unless they are taken up again afterwards. */
  private readonly leaving = new Map<string, Promise<void>>()
  /** The end of the change of an element that is under way; never rejects. */
  private readonly changing = new Map<string, Promise<void>>()
  private ended = false

  constructor(parts: HostParts, instances: Instances) {
    this.parts = parts
    this.instances = instances
  }

  /** Elements that serve: those that are being taken up or let go are not among them. */
  get serving(): readonly Element[] {
    return [...this.running.values()].map(({ element }) => element).filter(({ name }) => this.instances.get(name) !== undefined)
  }

  /** Begins with all elements of a node. Where one fails, those that have started are stopped. @param meet all have started */
  async begin(elements: readonly Element[], meet: () => void): Promise<void> {
    for (const element of elements) await this.start(element)
    meet()
    for (const element of elements) await this.restore(element)
  }
  private async start(element: Element): Promise<void> {
    const tenure = tenureOf(element, this.parts)
    this.starting.set(element.name, tenure)
    try {
      await element.start?.(tenure.host)
    } catch (fault) {
      tenure.end()
      throw fault
    } finally {
      this.starting.delete(element.name)
    }
    this.running.set(element.name, { element, tenure })
  }
  private async restore(element: Element): Promise<void> {
    const count = await this.parts.subscriptions.notifiers.restore(element)
    if (count > 0) this.parts.options.log.info({ element: element.name, count }, 'subscriptions taken up again')
  }

  /** Takes up an element while the node runs. Its requests wait until it serves; where it fails they go on waiting. */
  takeUp(element: Element): Promise<void> {
    this.leaving.delete(element.name)
    return this.inTurn(element.name, () => this.takeUpNow(element))
  }
  private async takeUpNow(element: Element): Promise<void> {
    if (this.running.has(element.name)) throw new TypeError(`${element.name} runs here already; expected it to be let go first`)
    this.parts.subscriptions.notifiers.packages.add(element)
    try {
      await this.start(element)
      await this.restore(element)
    } catch (fault) {
      await this.stop(element.name)
      throw fault
    }
    this.instances.serve(element)
  }

  /**
   * Lets an element go; resolves when the store has all of it and nothing of it is left here. Where the store fails, or
   * hangs, it rejects, and the element serves on. Asked again meanwhile: the same.
   * @param graceMs for work under way: exchanges, requests of its own, NOTIFYs, SUBSCRIBEs that are being stored
   */
  letGo(name: string, graceMs: number): Promise<void> {
    let work = this.leaving.get(name)
    if (work === undefined) {
      work = this.inTurn(name, () => this.letGoNow(name, graceMs))
      this.leaving.set(name, work)
      const over = (): unknown => this.leaving.get(name) === work && this.leaving.delete(name)
      work.then(over, over)
    }
    return work
  }
  private async letGoNow(name: string, graceMs: number): Promise<void> {
    const found = this.running.get(name)
    if (found === undefined) throw new TypeError(`no element ${name} runs here`)
    const { options, subscriptions } = this.parts
    const { element, tenure } = found
    const leaving = subscriptions.notifiers.lettingGo(name)
    const isQuiet = (): boolean => !this.instances.isHandling(name) && tenure.underWay === 0 && !leaving.isBusy
    this.instances.suspend(name)
    leaving.hold()
    try {
      await settled(options.clock, graceMs, isQuiet)
      await this.inTime(leaving.settle(), `the store hangs: ${name} is not let go`)
    } catch (fault) {
      leaving.resume()
      this.instances.serve(element)
      throw fault
    }
    if (this.running.get(name) !== found) return // the node has stopped it meanwhile
    this.handBack(element)
    await this.stop(name)
  }
  /** Rejects with that text where it takes longer than the store may. */
  private inTime(work: Promise<void>, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.parts.options.clock.after(storePatience, () => reject(new Error(text)))
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }
  /** Changes of one element one after the other; none begins once the node ends. */
  private inTurn(name: string, change: () => Promise<void>): Promise<void> {
    const before = this.changing.get(name) ?? Promise.resolve()
    const result = before.then(() => (this.ended ? Promise.reject(new Error('the node stops')) : change()))
    const over = result
      .catch(() => undefined) // the caller hears of it
      .then(() => {
        if (this.changing.get(name) === over) this.changing.delete(name)
      })
    this.changing.set(name, over)
    return result
  }
  private handBack(element: Element): void {
    try {
      element.handBack?.()
    } catch (fault) {
      this.parts.stats.faults++
      this.parts.options.log.error({ element: element.name, fault: String(fault) }, 'an element gave back less than it holds')
    }
  }

  async end(): Promise<void> {
    this.ended = true
    await settled(this.parts.options.clock, changePatience, () => this.changing.size === 0)
    for (const tenure of this.starting.values()) tenure.end() // its start hangs
    for (const name of [...this.running.keys()]) await this.stopElement(name)
  }

  private async stop(name: string): Promise<void> {
    await this.stopElement(name)
    const { notifiers, subscribers } = this.parts.subscriptions
    this.instances.leave(name)
    notifiers.lettingGo(name).finish()
    notifiers.packages.remove(name)
    subscribers.letGo(name)
    this.parts.sessions.letGo(name)
  }
  /** One that fails over it keeps no other from being stopped. */
  private async stopElement(name: string): Promise<void> {
    const found = this.running.get(name)
    this.running.delete(name)
    try {
      await found?.element.stop?.()
    } catch (fault) {
      this.parts.stats.faults++
      this.parts.options.log.error({ element: name, fault: String(fault) }, 'an element could not stop')
    }
    found?.tenure.end()
  }
}
