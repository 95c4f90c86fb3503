/** IPv6 addresses as text: read strictly, and written in the one form that RFC 5952 recommends, so that equal ones are the same. */

/** Eight words; undefined where the text is no IPv6 address. */
function wordsOf(text: string): number[] | undefined {
  // RFC 5118 §4.10: the grammar of RFC 3261 wrote a third colon before an IPv4 tail, and who sends it is to be understood
  const dotted = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  let plain = text
  if (dotted !== null) {
    const octets = dotted.slice(2).map(Number)
    if (octets.some((octet) => octet > 255)) return undefined
    const [a, b, c, d] = octets as [number, number, number, number]
    plain = `${dotted[1]!.replace(/:::$/, '::')}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const halves = plain.split('::')
  if (halves.length > 2) return undefined
  const [left, right] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[] | undefined]
  const given = left.length + (right?.length ?? 0)
  if (right === undefined ? given !== 8 : given > 7) return undefined
  const groups = right === undefined ? left : [...left, ...Array<string>(8 - given).fill('0'), ...right]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map((group) => Number.parseInt(group, 16)) : undefined
}

/** The address in RFC 5952 form (lower case, shortest, IPv4-mapped ones dotted); undefined where the text is none. Zones are not. */
export function plainIpv6(text: string): string | undefined {
  const words = wordsOf(text)
  if (words === undefined) return undefined
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    const [high, low] = words.slice(6) as [number, number]
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  const { start, length } = longestZeros(words)
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':')
  return length < 2 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`
}

/** As the system names peers: IPv6 in RFC 5952 form, IPv4 wrapped in it as IPv4; host names and IPv4 as they are. */
export function plainHost(host: string): string {
  return unwrapped(plainIpv6(host) ?? host)
}

/** An IPv4 address that is wrapped in IPv6 by itself; all else as it is. */
export function unwrapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

/** The first of the longest runs of zero words. */
function longestZeros(words: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < words.length; start++) {
    let length = 0
    while (words[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
