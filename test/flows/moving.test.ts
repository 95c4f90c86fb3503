/** Every figure while its servers move: presence, prose and application servers are let go and taken up at another node. */
import test from 'ava'
import type { Scenario } from '../../dialplans/flows/stage/flow.ts'
import { StageSet } from '../../dialplans/flows/stage/stage-set.ts'
import type { Dialplan } from '../../dialplans/network/dialplan.ts'
import { H, instancesOf, SipRequest, SipResponse } from '../../signalling/index.ts'
import { scan } from '../../signalling/tools.ts'
import { allScenarios } from '../support/flows.ts'
import { overTwoNodes } from '../support/split.ts'

const roles = ['prose', 'presence', 'application-server']
const moves = 10

/** A stage that says when servers were killed, all or those of one operator. */
class MovingStage extends StageSet {
  /** Numbers of messages by then. */
  readonly restarts: number[] = []
  /** Messages of the start. */
  started = 0

  override async restart(): Promise<void> {
    this.restarts.push(this.messages.messages.length)
    await super.restart()
  }
  override without(operator: string, meanwhile: () => Promise<void>): Promise<void> {
    return super.without(operator, async () => {
      await meanwhile()
      this.restarts.push(this.messages.messages.length)
    })
  }
}

/** Presence in partitions, half of which are at each node. */
const partitions = new Map([['presence', 4]])

/** Plays a scenario. @param times numbers of its messages after which the elements move, rising */
async function play(scenario: Scenario, dialplans: readonly Dialplan[], times: readonly number[]): Promise<MovingStage> {
  const moving = dialplans.flatMap(({ operator, elements }) => {
    const prefix = operator === undefined ? '' : `${operator}/`
    const names = elements.filter(({ role }) => roles.includes(role)).map(({ name }) => name)
    return names.flatMap((name) => instancesOf(name, partitions.get(name) ?? 1)).map((name) => prefix + name)
  })
  let count = 0
  let isOpen = false
  let begun = 0
  let underWay: Promise<void> = Promise.resolve()
  const move = async (node: string): Promise<void> => {
    for (const name of moving) {
      const apart = /[.]p[13]$/.test(name) // at the other node
      await stage.move(name, apart === (node === 'one') ? 'two' : 'one')
    }
  }
  const tap = {
    message: (): void => {
      if (!isOpen || times[begun] === undefined || ++count < times[begun]!) return
      const node = begun++ % 2 === 0 ? 'two' : 'one'
      underWay = underWay.then(() => move(node))
      underWay.catch(() => undefined) // told at the end
    },
  }
  const stage: MovingStage = new MovingStage(
    { dialplan: dialplans.map(overTwoNodes), mode: 'virtual', moves: true, partitions, tap },
    scenario,
  )
  try {
    await stage.open()
    isOpen = true
    stage.started = stage.messages.messages.length
    await scenario.run(stage)
    await stage.during(underWay)
    await stage.pass(2)
  } finally {
    await stage.close()
  }
  if (begun < times.length) throw new Error(`${begun} of ${times.length} moves`)
  return stage
}

/** A NOTIFY as its subscriber gets it, and the one before it in that dialog. */
interface Dialog {
  cseq: number
  /** Empty: all is due, whatever it is. */
  content: string
  acknowledged: boolean
}

interface NotifyFaults {
  readonly outOfOrder: readonly string[]
  /** NOTIFYs that say once more what their subscriber has, though nobody has asked anew. */
  readonly repeated: readonly string[]
}

function notifyFaults({ messages: { messages }, restarts }: MovingStage): NotifyFaults {
  const dialogs = new Map<string, Dialog>()
  const seen = new Set<string>()
  const periodic = new Set<string>()
  const [outOfOrder, repeated]: [string[], string[]] = [[], []]
  for (const [index, { bytes }] of messages.entries()) {
    if (restarts.includes(index)) for (const dialog of dialogs.values()) dialog.content = '' // all are told again
    const sip = scan(Buffer.from(bytes))
    if (sip instanceof SipResponse) acknowledge(dialogs, sip)
    if (!(sip instanceof SipRequest)) continue
    const { callId, cseq, method } = sip
    if (method === 'SUBSCRIBE') {
      const dialog = dialogs.get(`${callId} ${sip.toTag}`)
      if (dialog !== undefined) dialog.content = '' // a refresh: all is due again
      if (sip.event?.parameters.has('min-rate')) periodic.add(callId) // due whether anything has changed or not (RFC 6446 §5)
    }
    const name = `${callId} ${sip.fromTag}`
    if (method !== 'NOTIFY' || seen.has(`${name} ${cseq.number}`)) continue
    seen.add(`${name} ${cseq.number}`)
    const state = sip.text(H['Subscription-State'])?.split(';')[0]
    const content = `${state} ${sip.body.toString().replaceAll(/("revision":|version=")\d+/g, '')}`
    const before = dialogs.get(name)
    const what = `${sip.text(H.Event)} to ${sip.uri.user}`
    if (before !== undefined && cseq.number < before.cseq) outOfOrder.push(`${what}: ${cseq.number} after ${before.cseq}`)
    if (before?.acknowledged === true && before.content === content && !periodic.has(callId)) repeated.push(`${what}: ${content}`)
    dialogs.set(name, { cseq: cseq.number, content, acknowledged: false })
  }
  return { outOfOrder, repeated }
}

function acknowledge(dialogs: ReadonlyMap<string, Dialog>, { callId, cseq, fromTag, status }: SipResponse): void {
  const dialog = dialogs.get(`${callId} ${fromTag}`)
  if (cseq.method === 'NOTIFY' && status < 300 && dialog?.cseq === cseq.number) dialog.acknowledged = true
}

for (const { title, scenario, dialplan } of await allScenarios()) {
  test.serial(`${title}, while its servers move`, async (t) => {
    const still = await play(scenario, dialplan, [])
    const usual = notifyFaults(still).repeated // some are told by a timer of their element
    const length = still.messages.messages.length - still.started
    const evenly = Array.from({ length: moves }, (_, i) => Math.ceil(((i + 1) * length) / (moves + 1)))
    const times = [...new Set(evenly)] // a short scenario has fewer messages than moves
    const { outOfOrder, repeated } = notifyFaults(await play(scenario, dialplan, times))
    t.deepEqual(outOfOrder, [])
    t.deepEqual(
      repeated.filter((each) => !usual.includes(each)),
      [],
    )
  })
}
