/** Privacy profiles made ready for judging (SPEC §8.4): areas, times and the server's keys in place of their texts. */
import type { PrivacyProfileRule } from '../../schemas/index.ts'
import { readHours, Zone } from '../values/hours.ts'
import { SettingsError } from '../values/settings-error.ts'
import { type AreaShape, areaOf, isAreaFault } from './areas.ts'
import type { PrivacyRule } from './privacy-rules.ts'

/** A fault of a profile that its schema admits, with a pointer to its place (RFC 6901). */
interface ProfileFault {
  readonly pointer: string
  readonly text: string
}

/** Rules as they are judged by, or the first fault. @param sealed HMACs of a codeword, by server key */
export function privacyRulesOf(
  rules: readonly PrivacyProfileRule[],
  sealed: (codeword: string) => { readonly [key: string]: string },
): readonly PrivacyRule[] | ProfileFault {
  const made: PrivacyRule[] = []
  for (const [i, rule] of rules.entries()) {
    const one = ruleOf(rule, sealed)
    if ('pointer' in one) return { ...one, pointer: `/rules/${i}${one.pointer}` }
    made.push(one)
  }
  const twice = rules.findIndex(({ id }, i) => rules.findIndex((other) => other.id === id) !== i)
  return twice < 0 ? made : { pointer: `/rules/${twice}/id`, text: 'is that of another rule; expected one of its own' }
}

function ruleOf(
  { codeword, from, in: shape, until, weekly, ...same }: PrivacyProfileRule,
  sealed: (codeword: string) => { readonly [key: string]: string },
): PrivacyRule | ProfileFault {
  const area = shape && areaOf(shape as AreaShape)
  if (area !== undefined && isAreaFault(area)) return { pointer: `/in${area.pointer}`, text: area.text }
  const times = weekly && weeklyOf(weekly)
  if (times !== undefined && 'pointer' in times) return { ...times, pointer: `/weekly${times.pointer}` }
  return {
    ...same,
    ...(area === undefined ? {} : { in: area }),
    ...(times === undefined ? {} : { weekly: times }),
    ...(codeword === undefined ? {} : { codeword: sealed(codeword.normalize('NFC').trim()) }),
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  }
}

function weeklyOf({
  days,
  hours,
  zone,
}: NonNullable<PrivacyProfileRule['weekly']>): NonNullable<PrivacyRule['weekly']> | ProfileFault {
  try {
    return { days, hours: readHours(hours), zone: new Zone(zone) }
  } catch (fault) {
    if (fault instanceof SettingsError)
      return { pointer: '/hours', text: 'is no part of a day; expected one such as 08:00-17:30' }
    return { pointer: '/zone', text: `is no time zone; expected one such as Europe/Berlin` }
  }
}
