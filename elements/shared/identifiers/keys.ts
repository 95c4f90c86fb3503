/** Store keys out of identifiers, which may hold anything (SPEC §2.1). */

const plain = /^[\w:@.+~-]+$/

/** One part of a `/`-separated store key: identifiers as people write them stay readable, others are escaped. */
export function keyPart(text: string): string {
  return plain.test(text) ? text : encodeURIComponent(text)
}
