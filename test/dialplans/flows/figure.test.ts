/** What `proxima play` draws, and what `proxima trace` chooses of a capture. */
import test from 'ava'
import { chosen } from '../../../dialplans/commands/trace/filter.ts'
import { flowsNamed, loadFlows, networkOf } from '../../../dialplans/flows/index.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import type { TappedMessage } from '../../../signalling/tools.ts'
import { arrowsOf } from '../../../signalling/tools.ts'

/** Plays a scenario of a flow; returns the stage as it is before its UEs leave. */
async function played(
  id: string,
  scenario = 0,
): Promise<{ readonly all: readonly TappedMessage[]; readonly figure: readonly TappedMessage[] }> {
  const flow = flowsNamed(await loadFlows(), id)[0]!
  const loaded = loadDialplan(networkOf(flow))
  if (loaded.faults !== undefined) throw new Error(`${flow.network} has faults`)
  const stage = new StageSet({ dialplan: { ...loaded.value, nodes: [] }, mode: 'virtual' }, flow.scenarios[scenario]!)
  await stage.open()
  await flow.scenarios[scenario]!.run(stage)
  const [all, figure] = [[...stage.messages.messages], stage.figure]
  await stage.close()
  return { all, figure }
}

const labels = (messages: readonly TappedMessage[]): readonly string[] => arrowsOf(messages).arrows.map(({ label }) => label)

test('a figure is drawn alone: its own messages, and the parties that take part', async (t) => {
  const { all, figure } = await played('proximity/fig-08')
  t.deepEqual(arrowsOf(figure).participants.toSorted(), ['alice', 'bob', 'hss', 'prose', 'proxy'])
  t.is(labels(figure)[0], 'SUBSCRIBE prose')
  t.is(labels(figure).filter((label) => label === 'MESSAGE prose-match').length, 2)
  t.deepEqual(
    labels(figure).filter((label) => /REGISTER|^40[17]/.test(label)),
    [],
  )
  t.true(labels(all).includes('REGISTER'), 'which the whole has')
  t.true(figure.length < all.length / 2)
})

test('what elements tell each other because of a step belongs to the figure', async (t) => {
  const flow = flowsNamed(await loadFlows(), 'proximity/fig-06')[0]!
  const withdrawn = flow.scenarios.findIndex(({ name }) => name.includes('may not be discovered any more'))
  const { figure } = await played('proximity/fig-06', withdrawn)
  t.true(labels(figure).includes('NOTIFY active subscription-data'))
})

test('registrations that are steps of a figure are drawn, each once', async (t) => {
  const { figure } = await played('push/without-proxy')
  t.is(labels(figure)[0], 'REGISTER')
  t.deepEqual(
    labels(figure).filter((label) => label.startsWith('401')),
    [],
  )
})

test('a capture is filtered by user, Call-ID, method and time', async (t) => {
  const { all } = await played('proximity/fig-08')
  const text = ({ bytes }: TappedMessage): string => Buffer.from(bytes).toString('latin1')
  const ofBob = chosen(all, { user: 'bob' })
  t.true(ofBob.length > 4)
  const ofRequest = (message: TappedMessage): string => /branch=([^;\s]+)/.exec(text(message))![1]!
  const isResponse = (message: TappedMessage): boolean => text(message).startsWith('SIP/2.0')
  const requests = ofBob.filter((message) => !isResponse(message))
  t.true(requests.every((message) => /^(?:From|To): [^\r]*sip:bob@/m.test(text(message)) || text(message).includes(' sip:bob@')))
  const branches = new Set(requests.map(ofRequest))
  const answers = all.filter((message) => isResponse(message) && branches.has(ofRequest(message)))
  t.true(answers.length > 2)
  t.true(answers.every((message) => ofBob.includes(message)))
  t.deepEqual(chosen(all, { user: 'sip:bob@localhost' }), ofBob)
  const matches = chosen(all, { methods: ['MESSAGE'] })
  t.deepEqual([...new Set(labels(matches))], ['MESSAGE prose-match', '200 (MESSAGE)'])
  const callId = /^Call-ID: (\S+)/m.exec(text(matches[0]!))![1]!
  t.deepEqual(chosen(all, { callId: callId.slice(2) }), matches)
  const [first] = all
  const late = chosen(all, { since: (matches[0]!.at - first!.at) / 1000, until: (matches.at(-1)!.at - first!.at) / 1000 })
  t.true(matches.every((message) => late.includes(message)))
  t.false(late.includes(first!))
  t.deepEqual(chosen(all, { user: 'bob', methods: ['MESSAGE'] }), [])
  t.is(chosen(all, {}).length, all.length)
})

test('a flow is found by its id, or by its figure with those of other services', async (t) => {
  const flows = await loadFlows()
  const idsNamed = (name: string): readonly string[] => flowsNamed(flows, name).map(({ id }) => id)
  t.deepEqual(idsNamed('proximity/fig-08'), ['proximity/fig-08'])
  t.deepEqual(idsNamed('fig-08'), ['proximity/fig-08', 'push/fig-08'])
  t.deepEqual(idsNamed('fig-13'), ['proximity/fig-13'])
  t.deepEqual(idsNamed('ig-13'), [])
})
