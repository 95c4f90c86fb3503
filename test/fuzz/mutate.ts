/** Damage of all kinds to messages, by a seed: quick enough for a million, and the same again for the same seed. */

/** A generator of whole numbers below a bound (mulberry32). */
export type Dice = (below: number) => number

export function dice(seed: number): Dice {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const giants = [
  '99999999999999999999',
  '-1',
  '4294967296',
  '2147483648',
  '0',
  '00000000000000000001',
  '1e9',
  '0x7fffffff',
  'NaN',
  '',
]
const strange = [
  '\r\n ',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  '%00',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  '@',
  '[',
  ']',
  '::',
  '\xff\xfe',
  'é',
  '\t',
  '  ',
  ';;',
  '<<',
  '&',
  '?',
  '*',
  '\x07',
]

type Damage = (bytes: Buffer, roll: Dice, other: Buffer) => Buffer

function cutAt(bytes: Buffer, start: number, end: number, between: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), between, bytes.subarray(end)])
}
function lines(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\r\n')
}
function joined(parts: readonly string[]): Buffer {
  return Buffer.from(parts.join('\r\n'), 'latin1')
}

const damages: readonly Damage[] = [
  function flipBits(bytes, roll) {
    const copy = Buffer.from(bytes)
    for (let i = roll(8); i >= 0 && copy.length > 0; i--) copy[roll(copy.length)]! ^= 1 << roll(8)
    return copy
  },
  function truncate(bytes, roll) {
    return bytes.subarray(0, roll(bytes.length + 1))
  },
  function splice(bytes, roll, other) {
    return Buffer.concat([bytes.subarray(0, roll(bytes.length + 1)), other.subarray(roll(other.length + 1))])
  },
  function duplicate(bytes, roll) {
    const start = roll(bytes.length + 1)
    const end = start + roll(bytes.length - start + 1)
    return cutAt(bytes, end, end, bytes.subarray(start, end))
  },
  function remove(bytes, roll) {
    const start = roll(bytes.length + 1)
    return cutAt(bytes, start, start + roll(40), Buffer.alloc(0))
  },
  function insert(bytes, roll) {
    const at = roll(bytes.length + 1)
    return cutAt(bytes, at, at, Buffer.from(strange[roll(strange.length)]!, 'latin1'))
  },
  function giantNumber(bytes, roll) {
    const text = bytes.toString('latin1')
    const numbers = [...text.matchAll(/\d+/g)]
    const chosen = numbers[roll(Math.max(1, numbers.length))]
    if (chosen === undefined) return bytes
    return Buffer.from(
      text.slice(0, chosen.index) + giants[roll(giants.length)]! + text.slice(chosen.index + chosen[0].length),
      'latin1',
    )
  },
  function fold(bytes, roll) {
    const text = bytes.toString('latin1')
    const blanks = [...text.matchAll(/[ ;,]/g)]
    const chosen = blanks[roll(Math.max(1, blanks.length))]
    if (chosen === undefined) return bytes
    return Buffer.from(`${text.slice(0, chosen.index)}\r\n\t${text.slice(chosen.index)}`, 'latin1')
  },
  function doubleLine(bytes, roll) {
    const all = lines(bytes)
    const at = roll(all.length)
    return joined([...all.slice(0, at), all[at]!, ...all.slice(at)])
  },
  function dropLine(bytes, roll) {
    const all = lines(bytes)
    all.splice(roll(all.length), 1)
    return joined(all)
  },
  function swapLines(bytes, roll) {
    const all = lines(bytes)
    const [a, b] = [roll(all.length), roll(all.length)]
    ;[all[a], all[b]] = [all[b]!, all[a]!]
    return joined(all)
  },
  function lineOfAnother(bytes, roll, other) {
    const all = lines(bytes)
    const theirs = lines(other)
    all.splice(roll(all.length), roll(2), theirs[roll(theirs.length)]!)
    return joined(all)
  },
  function repeatMuch(bytes, roll) {
    const all = lines(bytes)
    const at = roll(all.length)
    return joined([...all.slice(0, at), ...Array<string>(1 + roll(300)).fill(all[at]!), ...all.slice(at)])
  },
  function longValue(bytes, roll) {
    const at = roll(bytes.length + 1)
    return cutAt(bytes, at, at, Buffer.alloc(roll(5000), 65 + roll(26)))
  },
  function noise(_bytes, roll) {
    return Buffer.from(Array.from({ length: roll(300) }, () => roll(256)))
  },
]

/** One of `seeds` with one to three damages; now and then whole. */
export function mutated(seeds: readonly Buffer[], roll: Dice): Buffer {
  let bytes: Buffer = seeds[roll(seeds.length)]!
  for (let i = roll(4); i > 0; i--) bytes = damages[roll(damages.length)]!(bytes, roll, seeds[roll(seeds.length)]!)
  return bytes.length > 60_000 ? bytes.subarray(0, 60_000) : bytes
}
