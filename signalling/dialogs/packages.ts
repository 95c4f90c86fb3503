/** The event packages that elements of a node offer. */
import type { Element, EventPackage } from '../element.ts'

interface Offered {
  readonly element: Element
  readonly pack: EventPackage
}

export class OfferedPackages {
  private readonly offered = new Map<string, Offered>()
  private readonly names = new Map<string, string>()

  add(element: Element): void {
    const packages = element.packages ?? []
    for (const pack of packages) this.offered.set(`${element.name}/${pack.name}`, { element, pack })
    this.names.set(element.name, packages.map(({ name }) => name).join(', '))
  }
  remove(element: string): void {
    for (const key of [...this.offered.keys()]) if (key.startsWith(`${element}/`)) this.offered.delete(key)
    this.names.delete(element)
  }
  of(element: string, name: string): Offered | undefined {
    return this.offered.get(`${element}/${name}`)
  }
  /** The value of Allow-Events. */
  namesOf(element: string): string {
    return this.names.get(element) ?? ''
  }
}
