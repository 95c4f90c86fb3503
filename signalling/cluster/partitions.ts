/**
 * Partitions of an element: it may run as several instances, each for a part of its users. An instance has a
 * name of its own, `presence.p3`, by which its Contact leads to it and its state lies apart in the store.
 */

/** Name of the instance for one partition. */
export function instanceOfPartition(element: string, partition: number): string {
  return `${element}.p${partition}`
}

/** The element of an instance: of `presence.p3` as of `presence` it is `presence`. */
export function elementOfInstance(instance: string): string {
  const dot = instance.indexOf('.') // an element's own name has none
  return dot < 0 ? instance : instance.slice(0, dot)
}

/** Names of all instances of an element. */
export function instancesOf(element: string, count: number): readonly string[] {
  return count === 1 ? [element] : Array.from({ length: count }, (_, i) => instanceOfPartition(element, i))
}

/** The partition of a key, the same at every node and for good. */
export function partitionOf(key: string, count: number): number {
  let hash = 0x811c9dc5 // FNV-1a, 32 bits
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % count
}
