/** A plan replaced while a request is in an element's hands: it goes on by the plan that it came by. */
import test from 'ava'
import type { Element, Exchange } from '../../../signalling/index.ts'
import { compilePlan } from '../../../signalling/routing/compile.ts'
import type { PlanRule } from '../../../signalling/routing/plan.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

/** Passes on what it gets, when it is told to. */
class Hesitant implements Element {
  readonly name = 'hesitant'
  readonly claims = [{ method: 'MESSAGE' }]
  asked = 0
  decide: () => void = () => undefined
  async handle(exchange: Exchange): Promise<void> {
    this.asked++
    await new Promise<void>((resolve) => {
      this.decide = resolve
    })
    exchange.pass()
  }
}

test('an element that passes after the plan has changed is not asked again, and the next one is', async (t) => {
  const lab = new Lab()
  const [hesitant, agent] = [new Hesitant(), new Agent('agent')]
  const elements = [hesitant, agent]
  const node = await lab.serve(['localhost'], elements)
  const peer = await Wire.at(lab, '10.0.5.1')
  peer.send(requestText('MESSAGE', 'sip:bob@localhost', { via: '10.0.5.1' }))
  await lab.clock.advance(10)
  const rules: readonly PlanRule[] = [
    { name: 'new', line: 1, method: 'INFO', to: 'agent' },
    { name: 'newer', line: 2, method: 'REFER', to: 'agent' },
    { name: 'one', line: 3, method: 'MESSAGE', user: 'b*', to: 'hesitant' },
    { name: 'all', line: 4, to: 'agent' },
  ]
  const { plan } = compilePlan({
    rules,
    domains: ['localhost'],
    elements: new Map(elements.map(({ name, claims }) => [name, claims])),
    ownAddresses: [],
  })
  node.reload({ plan: plan! })
  hesitant.decide()
  await lab.clock.advance(10)
  t.is(hesitant.asked, 1)
  t.is(agent.got.length, 1)
  t.deepEqual(peer.statuses, [200])
})

test('who was chosen by a Route, and passes, leaves the request to the first rule', async (t) => {
  const lab = new Lab()
  const [agent, hesitant] = [new Agent('agent'), new Hesitant()]
  lab.trusted.push('10.0.5.2')
  await lab.serve(['localhost'], [agent, hesitant])
  const friend = await Wire.at(lab, '10.0.5.2')
  friend.send(requestText('MESSAGE', 'sip:bob@localhost', { via: '10.0.5.2', lines: ['Route: <sip:hesitant@localhost;lr>'] }))
  await lab.clock.advance(10)
  hesitant.decide()
  await lab.clock.advance(10)
  t.deepEqual([hesitant.asked, friend.statuses[0]], [1, 200])
})
