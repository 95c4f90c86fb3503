/** Numbers about numbers: medians, and the search for the largest rate without loss. */

/** NaN of none; the mean of the two in the middle of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export interface Search {
  /** First rate tried. */
  readonly start: number
  /** Times by which it grows while nothing is lost, and shrinks while something is. Default 1.5. */
  readonly factor?: number
  /** Halvings of the space between the last two. Default 2. */
  readonly halvings?: number
  /** Rates tried before that at most. Default 7. */
  readonly reach?: number
}

/** The largest rate, as far as it is searched, that `lossless` holds for; 0 where none does. */
export async function largestRate(
  { start, factor = 1.5, halvings = 2, reach = 7 }: Search,
  lossless: (rate: number) => Promise<boolean>,
): Promise<number> {
  let rate = start
  let [good, bad] = [0, Infinity]
  for (let tried = 0; tried < reach && (good === 0 || bad === Infinity); tried++) {
    if (await lossless(rate)) good = rate
    else bad = rate
    rate = Math.round(good === rate ? rate * factor : rate / factor)
  }
  if (good === 0 || bad === Infinity) return good
  for (let halved = 0; halved < halvings; halved++) {
    const middle = Math.round((good + bad) / 2)
    if (await lossless(middle)) good = middle
    else bad = middle
  }
  return good
}
