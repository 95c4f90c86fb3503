/** A CANCEL that comes while an element still thinks about the INVITE (RFC 3261 §9.2, §16.10). */
import test from 'ava'
import type { Element, Exchange, Node } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

/** Forwards each INVITE to a phone, when it is told to. */
class Ponderer implements Element {
  readonly name = 'ponderer'
  readonly claims = [{ method: '*' }]
  decide: () => void = () => undefined
  async handle(exchange: Exchange): Promise<void> {
    await new Promise<void>((resolve) => {
      this.decide = resolve
    })
    exchange.forward({ uri: 'sip:bob@10.0.5.2' })
  }
}

/** Hands everything to the one above. */
const front: Element = {
  name: 'front',
  claims: [{ method: '*' }],
  handle: (exchange) => void exchange.forward({ element: 'ponderer' }),
}

async function scene(elements: readonly Element[]): Promise<{ lab: Lab; node: Node; caller: Wire; callee: Wire }> {
  const lab = new Lab()
  const node = await lab.serve(['localhost'], elements)
  return { lab, node, caller: await Wire.at(lab, '10.0.5.1'), callee: await Wire.at(lab, '10.0.5.2') }
}

for (const [where, before] of [
  ['the first element', []],
  ['an element behind another', [front]],
] as const)
  test(`CANCEL while ${where} still thinks: nobody is called any more, and the caller gets 487`, async (t) => {
    const ponderer = new Ponderer()
    const { lab, node, caller, callee } = await scene([...before, ponderer])
    caller.send(requestText('INVITE', 'sip:bob@localhost', { via: '10.0.5.1', branch: 'z9hG4bK-call' }))
    await lab.clock.advance(10)
    caller.send(requestText('CANCEL', 'sip:bob@localhost', { via: '10.0.5.1', branch: 'z9hG4bK-call' }))
    await lab.clock.advance(10)
    ponderer.decide()
    await lab.clock.advance(10)
    t.deepEqual(callee.requests, [])
    t.deepEqual([...new Set(caller.statuses)].sort(), before.length > 0 ? [100, 200, 487] : [200, 487])
    caller.send(
      requestText('ACK', 'sip:bob@localhost', {
        via: '10.0.5.1',
        branch: 'z9hG4bK-call',
        toTag: caller.responses.at(-1)!.toTag,
      }),
    )
    await lab.clock.advance(100_000)
    t.is(metric(node, 'server_transactions'), 0)
    t.is(metric(node, 'client_transactions'), 0)
    t.is(metric(node, 'faults_total'), 0)
  })
