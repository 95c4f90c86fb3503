/** The best response of a forked request (RFC 3261 §16.7): the one that goes back, with the challenges of the others. */
import { inline } from '../messages/build.ts'
import type { SipResponse } from '../messages/message.ts'
import { H, nameOf } from '../messages/names.ts'

interface AnsweredBranch {
  readonly final: SipResponse | undefined
}

/** RFC 3261 §16.7 step 6: a 6xx, else the lowest class, and in 4xx first a status that tells the client how to do better. */
export function bestOf(branches: readonly AnsweredBranch[]): SipResponse | undefined {
  let best: SipResponse | undefined
  for (const { final } of branches)
    if (final !== undefined && (best === undefined || rank(final.status) < rank(best.status))) best = final
  return best
}

const challenges = [H['WWW-Authenticate'], H['Proxy-Authenticate']]

/** RFC 3261 §16.7 step 7: a caller that is challenged hears of every challenge. Header lines. */
export function otherChallenges(best: SipResponse, branches: readonly AnsweredBranch[]): string | undefined {
  if (branches.length === 1 || (best.status !== 401 && best.status !== 407)) return undefined
  const lines = branches.flatMap(({ final }) =>
    final === undefined || final === best
      ? []
      : challenges.flatMap((name) => final.texts(name).map((text) => `${nameOf(name)}: ${inline(text)}\r\n`)),
  )
  return lines.join('')
}

const helpful = [401, 407, 415, 420, 484]

function rank(status: number): number {
  if (status >= 600) return 0
  return Math.floor(status / 100) * 10 + (helpful.includes(status) ? 0 : status === 503 ? 2 : 1)
}
