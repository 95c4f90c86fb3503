/** Subscribers that changed, by version: the feed tells them to elements that lag behind. */

/** With more changes in one version, elements that know any record read again the ones they use. */
export const manyChanges = 100
const remembered = 10_000

export class SubscriberChanges {
  private readonly list: { readonly version: number; readonly id: string }[] = []

  /** Identifiers that changed in the version that has just come. */
  add(version: number, ids: readonly string[]): void {
    if (ids.length > manyChanges) return this.forget()
    for (const id of ids) this.list.push({ version, id })
    if (this.list.length <= remembered * 2) return
    const cut = this.list.splice(0, this.list.length - remembered).at(-1)!.version
    while (this.list[0]?.version === cut) this.list.shift() // never half of a version
  }

  forget(): void {
    this.list.length = 0
  }

  /** Identifiers changed after one version and up to another; undefined where that is no longer known. */
  between(after: number, upTo: number): readonly string[] | undefined {
    const { list } = this
    if (after > upTo || (after < upTo && (list[0]?.version ?? Number.POSITIVE_INFINITY) > after + 1)) return undefined
    const ids = new Set<string>()
    for (let i = list.length - 1; i >= 0 && list[i]!.version > after; i--) if (list[i]!.version <= upTo) ids.add(list[i]!.id)
    return [...ids]
  }
}
