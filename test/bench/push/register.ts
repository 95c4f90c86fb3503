/** CPU of a REGISTER of a subscriber with a Push identifier, whom the proxy registers at the Push server too, beside one without. */

import type { SipResponse } from '../../../signalling/index.ts'
import { answerChallenge } from '../../../signalling/testing.ts'
import { type PushUser, password, pushUsers } from '../../faults/exactly-once/plan.ts'
import { median } from '../figures.ts'
import { type Datagram, expectStatus, written } from './played.ts'
import { atMost, microseconds, type PushMeasure, scaled } from './row.ts'
import { TwoOperators } from './two-operators.ts'

const users = 400
const most = 1.4

/** Refreshes of one user's binding, each by digest with the nonce of the first challenge. */
class Refreshing {
  readonly user: PushUser
  private readonly bench: TwoOperators
  private challenges: readonly string[] = []
  private answered = 0
  private cseq = 1000

  constructor(bench: TwoOperators, user: PushUser) {
    this.bench = bench
    this.user = user
  }
  challenged(response: SipResponse): void {
    this.challenges = response.texts('WWW-Authenticate')
    this.answered = 0
  }
  next(): Datagram {
    const { name, operator, uri } = this.user
    const domain = uri.slice(uri.indexOf('@') + 1)
    const cseq = ++this.cseq
    const contact = `<sip:${name}@10.0.1.1:5060>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-${name.slice(1).padStart(12, '0')}>"`
    const credentials = { user: name, password }
    const answer = answerChallenge(this.challenges, credentials, 'REGISTER', `sip:${domain}`, 'bench', ++this.answered)
    const lines = [
      `REGISTER sip:${domain} SIP/2.0`,
      `Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKr${name}x${cseq}`,
      'Max-Forwards: 70',
      `From: <${uri}>;tag=r${name}`,
      `To: <${uri}>`,
      `Call-ID: refresh-${name}`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: ${contact}`,
      'Expires: 3600',
      ...(answer === undefined ? [] : [`Authorization: ${answer}`]),
    ]
    return this.bench.toOperator(operator, written(lines))
  }
}

/** Microseconds of CPU of each. */
async function refresh(bench: TwoOperators, all: readonly Refreshing[], times: number): Promise<number> {
  const { responses } = await bench.played.exchange(all.map((one) => one.next()))
  for (const response of responses) {
    if (response.status !== 401) continue
    const of = all.find(({ user }) => response.to.uri.user === user.name)
    of?.challenged(response)
  }
  let cpu = 0
  for (let time = 0; time < times; time++) {
    const outcome = await bench.played.exchange(all.map((one) => one.next()))
    expectStatus(outcome.responses, 200)
    cpu += outcome.cpu
  }
  return (cpu * 1000) / (times * all.length)
}

export const register: PushMeasure = {
  name: 'register',
  about: 'CPU of a REGISTER with a Push identifier beside one without',
  async run({ rounds, scale }) {
    const all = pushUsers(users).map((user, index) => ({ ...user, hasPush: index >= users / 2 }))
    const bench = new TwoOperators(all)
    await bench.open()
    const refreshing = all.map((user) => new Refreshing(bench, user))
    const [without, having] = [refreshing.slice(0, users / 2), refreshing.slice(users / 2)]
    const times = scaled(25, scale)
    const [plain, push]: [number[], number[]] = [[], []]
    for (let round = 0; round <= rounds; round++) {
      const [a, b] = [await refresh(bench, without, times), await refresh(bench, having, times)]
      if (round === 0) continue // compiled by then
      plain.push(a)
      push.push(b)
    }
    await bench.close()
    const [a, b] = [median(plain), median(push)]
    return [
      { what: 'REGISTER, no Push identifier', figure: microseconds(a), ratio: 1 },
      { what: 'REGISTER, Push identifier', figure: microseconds(b), ratio: b / a, target: atMost(b / a, most) },
    ]
  },
}
