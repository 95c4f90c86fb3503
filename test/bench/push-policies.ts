/**
 * Latency, messages and bytes of Pushes to a device that sleeps, by policy of waking (`npm run bench -- push`): by its traces, in
 * virtual time. What a push service needs to reach the device is not counted.
 */
import { networkOf } from '../../dialplans/flows/index.ts'
import type { Scenario, Stage } from '../../dialplans/flows/stage/flow.ts'
import type { PushService } from '../../dialplans/flows/stage/push-service.ts'
import type { SleepingDevice } from '../../dialplans/flows/stage/sleeping-device.ts'
import { StageSet } from '../../dialplans/flows/stage/stage-set.ts'
import { loadOperators } from '../../dialplans/network/load.ts'
import { SipRequest } from '../../signalling/index.ts'
import { seededIds } from '../../signalling/testing.ts'
import { scan, type Tap, type TappedMessage } from '../../signalling/tools.ts'
import { figure } from './table.ts'

interface Policy {
  readonly name: string
  /** Header fields of the message of that number. */
  readonly headers: (number: number) => readonly (readonly [name: string, value: string])[]
  /** Seconds after which the device registers by itself; left out: when it is woken alone. */
  readonly registersEach?: number
}

const alarm = 'org.example.alarm'
const applications = [
  { id: 'org.example.usual', push: '0f1d2e3c4b5a697b', default: ['text/plain'] },
  { id: alarm, push: '0f1d2e3c4b5a697c', sending: 'min-delay' },
]
const notUrgent = [['Priority', 'non-urgent']] as const

const policies: readonly Policy[] = [
  { name: 'wake at once', headers: () => [] },
  { name: 'in batches of 10 min', headers: () => notUrgent, registersEach: 600 },
  {
    name: 'min-delay wakes, others go with it',
    headers: (number) => (number % 4 === 0 ? [['Push-Application', alarm]] : notUrgent),
  },
]

const meanGap = 120 // seconds between two messages, exponentially distributed
const staysAwake = 30 // seconds after the last message

export const policyHead = ['policy', 'p50 s', 'p99 s', 'wakes', 'messages', 'bytes'] as const

/** What passed between the device and its network for one policy. */
class Course implements Tap {
  messages = 0
  bytes = 0
  /** Number of a Push -> seconds: when it was sent, and when the device got it. */
  readonly sent = new Map<number, number>()
  readonly got = new Map<number, number>()
  private readonly device: string

  /** @param device its name in traces */
  constructor(device: string) {
    this.device = device
  }
  message({ at, bytes, from, to }: TappedMessage): void {
    if (from.name !== this.device && to.name !== this.device) return
    this.messages++
    this.bytes += bytes.length
    const message = scan(Buffer.from(bytes))
    if (message instanceof SipRequest && message.method === 'MESSAGE') this.got.set(Number(message.body), at / 1000)
  }
  /** Seconds, ascending. */
  get latencies(): readonly number[] {
    return [...this.sent].map(([number, at]) => (this.got.get(number) ?? Number.NaN) - at).sort((a, b) => a - b)
  }
}

/** A row for each policy. @param count Pushes of each */
export async function policyRows(count: number): Promise<readonly (readonly string[])[]> {
  const rows: (readonly string[])[] = []
  for (const policy of policies) rows.push(await rowOf(policy, count))
  return rows
}

async function rowOf(policy: Policy, count: number): Promise<readonly string[]> {
  const course = new Course('bob')
  let wakes = 0
  const scenario: Scenario = {
    name: policy.name,
    settings: { push: { applications } },
    async run(stage) {
      await send(stage, policy, count, course)
      wakes = (await stage.pushService()).received.length
    },
  }
  const loaded = loadOperators(networkOf({}))
  if (loaded.faults !== undefined) throw new Error('default.yaml has faults')
  const stage = new StageSet({ dialplan: loaded.value, mode: 'virtual', tap: course }, scenario)
  try {
    await stage.open()
    await scenario.run(stage)
  } finally {
    await stage.close()
  }
  const { bytes, latencies, messages } = course
  const at = (share: number): string => figure(latencies[Math.floor((latencies.length - 1) * share)], 1)
  return [policy.name, at(0.5), at(0.99), String(wakes), String(messages), String(bytes)]
}

/** Lets alice send to bob, whose device sleeps, wakes, and sleeps again. */
async function send(stage: Stage, { headers, registersEach }: Policy, count: number, course: Course): Promise<void> {
  const ids = seededIds(5)
  const alice = await stage.ue('alice')
  const device = await stage.sleepingDevice('bob')
  await stage.during(device.register())
  const sleeps = new Sleeps(stage, device, await stage.pushService(), registersEach)
  for (let number = 0; number < count; number++) {
    await sleeps.pass(-Math.log(1 - ids.fraction()) * meanGap)
    course.sent.set(number, stage.now() / 1000)
    const body = { type: 'text/plain', content: String(number), headers: headers(number) }
    void alice.agent.message('sip:bob@localhost', body)
  }
  await sleeps.pass(600)
  await sleeps.registers()
  await stage.until('the last is there', () => device.texts.length === count, 60)
}

/** Sleep of a device: a while after its last message, until it is woken or registers by itself. */
class Sleeps {
  private readonly stage: Stage
  private readonly device: SleepingDevice
  private readonly registersEach: number
  private heard = 0
  private awakeUntil: number
  private registersAt: number

  constructor(stage: Stage, device: SleepingDevice, service: PushService, registersEach = Number.POSITIVE_INFINITY) {
    service.onWake(() => this.staysUp())
    this.stage = stage
    this.device = device
    this.registersEach = registersEach
    this.awakeUntil = stage.now() / 1000 + staysAwake
    this.registersAt = stage.now() / 1000 + registersEach
  }
  private staysUp(): void {
    this.awakeUntil = this.stage.now() / 1000 + staysAwake
  }
  async pass(seconds: number): Promise<void> {
    const { stage } = this
    const until = stage.now() / 1000 + seconds
    while (stage.now() / 1000 < until) {
      await stage.pass(Math.min(1, Math.max(0.001, until - stage.now() / 1000)))
      await this.look(stage.now() / 1000)
    }
  }
  /** Its user has taken it up, or it keeps its registration. */
  async registers(): Promise<void> {
    const { device, stage } = this
    await stage.during(device.wakeUp())
    await stage.during(device.register())
  }
  private async look(now: number): Promise<void> {
    const { device, stage } = this
    if (device.texts.length > this.heard) this.staysUp()
    this.heard = device.texts.length
    if (now >= this.registersAt) {
      this.registersAt = now + this.registersEach
      this.staysUp()
      await this.registers()
    } else if (now >= this.awakeUntil) await stage.during(device.sleep())
  }
}
