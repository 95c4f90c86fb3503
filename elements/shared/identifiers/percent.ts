/** Percent-encoding in names that people write (RFC 3986 §2.1). */

/** Percent-encoded UTF-8 as text; as it stands where it is none. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (fault) {
    if (fault instanceof URIError) return text
    throw fault
  }
}
