/** A fork that is held (`Exchange.hold`): targets may be added, and it ends without success once it is released. */
import test from 'ava'
import type { Element, Exchange, HeldFork, Host } from '../../../signalling/element.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

/** Holds every request, for the test to go on with. */
class Holder implements Element {
  readonly name = 'holder'
  readonly claims = [{ method: '*' }]
  readonly forks: HeldFork[] = []
  host!: Host
  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    if (exchange.request.method !== 'ACK') this.forks.push(exchange.hold([]))
  }
}

async function open() {
  const lab = new Lab()
  const holder = new Holder()
  await lab.serve(['localhost', '10.0.0.1'], [holder])
  const [caller, phone] = [await Wire.at(lab, '10.0.1.1'), await Wire.at(lab, '10.0.1.2')]
  const send = async (method: string, branch: string): Promise<HeldFork> => {
    caller.send(requestText(method, 'sip:bob@localhost', { via: '10.0.1.1;rport', branch, callId: branch }))
    await lab.clock.advance(50)
    return holder.forks.at(-1)!
  }
  const target = () => ({ uri: 'sip:bob@10.0.1.2', flow: holder.host.flows.to('MEM', phone.here)! })
  return { caller, lab, phone, send, target }
}

test('nobody is added: 100 for an INVITE alone until it is released, then 480', async (t) => {
  const { caller, lab, send } = await open()
  const invite = await send('INVITE', 'z9hG4bK-1')
  await lab.clock.advance(10_000)
  t.deepEqual(caller.statuses, [100])
  invite.release()
  await lab.clock.advance(100)
  t.deepEqual([...new Set(caller.statuses)], [100, 480])
  const message = await send('MESSAGE', 'z9hG4bK-2')
  await lab.clock.advance(5000)
  message.release()
  await lab.clock.advance(100)
  t.is(caller.statuses.at(-1), 480)
})

test('a refusal of one that was added waits for the release; a 200 does not', async (t) => {
  const { caller, lab, phone, send, target } = await open()
  phone.onRequest = (request) => request.method !== 'ACK' && phone.answer(request, 486)
  const refused = await send('INVITE', 'z9hG4bK-1')
  refused.add(target())
  await lab.clock.advance(1000)
  t.deepEqual([...new Set(caller.statuses)], [100])
  refused.release()
  await lab.clock.advance(100)
  t.deepEqual([...new Set(caller.statuses)], [100, 486])
  phone.onRequest = (request) => phone.answer(request, 200)
  const taken = await send('MESSAGE', 'z9hG4bK-2')
  taken.add(target())
  await lab.clock.advance(100)
  t.is(caller.statuses.at(-1), 200)
  taken.release()
  taken.add(target())
  await lab.clock.advance(100)
  t.is(phone.requests.filter(({ method }) => method === 'MESSAGE').length, 1, 'it is over')
})

test('a CANCEL ends it with 487, and nobody that is added later is asked', async (t) => {
  const { caller, lab, phone, send, target } = await open()
  const invite = await send('INVITE', 'z9hG4bK-1')
  caller.send(requestText('CANCEL', 'sip:bob@localhost', { via: '10.0.1.1;rport', branch: 'z9hG4bK-1', callId: 'z9hG4bK-1' }))
  await lab.clock.advance(100)
  t.true(caller.statuses.includes(487))
  invite.add(target())
  invite.release()
  await lab.clock.advance(100)
  t.is(phone.requests.length, 0)
})
