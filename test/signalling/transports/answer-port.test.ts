/** Where a datagram is answered (RFC 3261 §18.2.2, RFC 3581 §4). */
import test from 'ava'
import { Wire } from '../../support/wire.ts'
import { ForkScene } from '../routing/fork-scene.ts'

const cases = [
  ['without rport, at the port of its Via', '10.0.6.1:5099', 'there'],
  ['without rport and port, at 5060', '10.0.6.1', 'usual'],
  ['with rport, where it came from', '10.0.6.1:5099;rport', 'here'],
  ['whose Via names another host, where it came from', '10.0.6.2:5099', 'here'],
  ['whose Via names a host, where it came from', 'phone.example:5099', 'here'],
] as const

for (const [what, via, where] of cases)
  test(`a datagram ${what} is answered there`, async (t) => {
    const scene = await ForkScene.open()
    const at = (port: number): Promise<Wire> => Wire.at(scene.lab, '10.0.6.1', port)
    const wires = { here: await at(40_000), there: await at(5099), usual: await at(5060) }
    const answers = () => Object.fromEntries(Object.entries(wires).map(([name, { statuses }]) => [name, statuses.length]))
    const none = { here: 0, there: 0, usual: 0 }
    const branch = scene.send(wires.here, 'MESSAGE', 'sip:nobody@localhost', { via })
    await scene.pass(20)
    t.deepEqual(answers(), { ...none, [where]: 1 })
    scene.send(wires.here, 'MESSAGE', 'sip:nobody@localhost', { via, branch })
    await scene.pass(20)
    t.deepEqual(answers(), { ...none, [where]: 2 }, 'and so is what comes again')
    wires.here.send(
      `MESSAGE sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/UDP ${via};branch=z9hG4bK-x\r\nCall-ID: ${'x'.repeat(200)}\r\n\r\n`,
    )
    await scene.pass(20)
    t.deepEqual(answers(), { ...none, [where]: 3 }, 'a refusal without a transaction too')
    t.is(wires[where].responses.at(-1)!.status, 400)
  })
