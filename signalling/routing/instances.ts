/** Instances of elements that a node runs, and the requests that wait while one of them is let go or taken up. */
import type { Clock, Timer } from '../clock.ts'
import type { Element } from '../element.ts'

/** A request for an element that serves nobody at the moment. */
interface WaitingRequest {
  /** Hands it over anew: the element serves again, here or at another node. */
  deliver(): void
  refuse(): void
}

interface WaitingLine {
  readonly requests: WaitingRequest[]
  readonly timer: Timer
}

interface InstancesOptions {
  readonly clock: Clock
  /** Whether that element is one of this node, though it may not have been taken up yet. */
  readonly isHere: (element: string) => boolean
}

const patience = 2_000 // milliseconds that a request waits
const waitingAtMost = 1_000 // requests for one element

export class Instances {
  private readonly options: InstancesOptions
  private readonly serving = new Map<string, Element>()
  /** Instances that serve, and those being let go that still have exchanges in their hands. */
  private readonly present = new Map<string, Element>()
  private readonly lines = new Map<string, WaitingLine>()
  /** Exchanges that an element has in its hands, where it takes its time. */
  private readonly handled = new Map<string, number>()

  constructor(options: InstancesOptions) {
    this.options = options
  }

  /** Undefined: there is none, or it serves nobody at the moment. */
  get(element: string): Element | undefined {
    return this.serving.get(element)
  }

  /** Whether requests for it end at this node, now or in a moment. */
  has(element: string): boolean {
    return this.serving.has(element) || this.options.isHere(element)
  }

  /** It serves from now on; first the requests that have waited. */
  serve(element: Element): void {
    this.serving.set(element.name, element)
    this.present.set(element.name, element)
    this.release(element.name)
  }

  /** Requests for it wait from now on. */
  suspend(element: string): void {
    this.serving.delete(element)
  }

  /** It is gone: exchanges that it has in its hands come to nothing. */
  leave(element: string): void {
    this.serving.delete(element)
    this.present.delete(element)
  }

  /** Whether that very instance has not left yet. */
  isPresent(element: Element): boolean {
    return this.present.get(element.name) === element
  }

  /** Requests that wait for it are handed over anew. */
  release(element: string): void {
    const line = this.lines.get(element)
    if (line === undefined) return
    line.timer.cancel()
    this.lines.delete(element)
    for (const request of line.requests) request.deliver()
  }

  wait(element: string, request: WaitingRequest): void {
    let line = this.lines.get(element)
    if (line === undefined) {
      const timer = this.options.clock.after(patience, () => this.refuse(element))
      this.lines.set(element, (line = { requests: [], timer }))
    }
    if (line.requests.length < waitingAtMost) line.requests.push(request)
    else request.refuse()
  }
  private refuse(element: string): void {
    const line = this.lines.get(element)
    this.lines.delete(element)
    for (const request of line?.requests ?? []) request.refuse()
  }

  /** The node stops: nobody will serve the requests that wait. */
  stop(): void {
    for (const [element, { timer }] of this.lines) {
      timer.cancel()
      this.refuse(element)
    }
  }

  /** The element needs so long for an exchange. */
  during(element: string, work: Promise<void>): Promise<void> {
    this.handled.set(element, (this.handled.get(element) ?? 0) + 1)
    return work.finally(() => {
      const left = this.handled.get(element)! - 1
      if (left === 0) this.handled.delete(element)
      else this.handled.set(element, left)
    })
  }

  /** Whether it has an exchange in its hands. */
  isHandling(element: string): boolean {
    return this.handled.has(element)
  }
}
