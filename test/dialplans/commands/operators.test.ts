/** Commands about a dialplan of several operators: which of them is meant, and what one option cannot say for all. */
import { join } from 'node:path'
import test from 'ava'
import { explainCommand } from '../../../dialplans/commands/explain.ts'
import { startCommand } from '../../../dialplans/commands/start/index.ts'
import { readOnce } from '../../../dialplans/commands/support/arguments.ts'
import { choose, readDialplan, readOperators } from '../../../dialplans/commands/support/network.ts'
import { overrideAll } from '../../../dialplans/commands/support/overrides.ts'
import { networkOf } from '../../../dialplans/flows/index.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'

const file = networkOf({ network: 'two-operators.yaml' })
const alone = networkOf({})
const both = readOperators(file)
const shown = (dialplans: readonly Dialplan[]) =>
  dialplans.map(({ operator, node }) => `${operator}${node ? `: ${node.name}` : ''}`)

test('an operator is chosen by name, or by a node that it has', (t) => {
  t.deepEqual(shown(choose(both, {})), ['north', 'south'])
  t.deepEqual(shown(choose(both, { operator: 'south' })), ['south'])
  t.deepEqual(shown(choose(both, { operator: 'SOUTH' })), ['south'])
  t.deepEqual(shown(choose(both, { node: 'south-presence' })), ['south: south-presence'])
  t.deepEqual(shown(choose(both, { operator: 'north', node: 'north' })), ['north: north'])
  t.throws(() => choose(both, { operator: 'west' }), { message: /there is no operator west; expected one of north, south$/ })
  t.throws(() => choose(both, { node: 'west' }), { message: /no node west; expected one of north, south, south-presence$/ })
  t.throws(() => choose(both, { operator: 'north', node: 'south' }), { message: /no node south; expected one of north$/ })
  t.throws(() => choose(readOperators(alone), { operator: 'north' }), {
    message: /expected no --operator: this dialplan has one$/,
  })
})

test('a command about one operator says so where several might be meant', (t) => {
  t.is(readDialplan(file, { operator: 'north' }).operator, 'north')
  t.is(readDialplan(alone).operator, undefined)
  t.throws(() => readDialplan(file), { message: `${file} has several operators; say which by --operator, one of north, south` })
})

test('options move data of all, and addresses of one alone', (t) => {
  t.deepEqual(
    overrideAll(both, { data: 'kept', http: false }).map(({ data, http }) => [data, http]),
    [
      [join('kept', 'north'), undefined],
      [join('kept', 'south'), undefined],
    ],
  )
  t.deepEqual(
    overrideAll(both, { data: 'memory' }).map(({ data }) => data),
    ['memory', 'memory'],
  )
  t.deepEqual(overrideAll(both, {}), both)
  const expected = /is for one operator; add --operator, one of north, south$/
  t.throws(() => overrideAll(both, { portUdp: 6000 }), { message: expected })
  t.throws(() => overrideAll(both, { listen: [{ transport: 'UDP', host: '127.0.0.1', port: 6000 }] }), { message: expected })
  t.throws(() => overrideAll(both, { http: { host: '127.0.0.1', port: 80 } }), { message: expected })
  const [one] = overrideAll(choose(both, { operator: 'north' }), { portTcp: 6000, data: 'kept' })
  t.deepEqual([one!.data, one!.listen.find(({ transport }) => transport === 'TCP')?.port], ['kept', 6000])
})

test('a port of the command line is for one listener', (t) => {
  const nodes = readOperators(networkOf({ network: 'direct.yaml' }))
  t.throws(() => overrideAll(nodes, { portUdp: 6000 }), {
    message:
      '--port-udp 6000 is for one listener, and there are several udp:// at 127.0.0.1; ' +
      'add --node, one of edge, hss, prose, as, mme, or use --listen',
  })
  const portsOf = (dialplans: readonly Dialplan[], transport: string) =>
    dialplans[0]!.listen.filter((each) => each.transport === transport).map(({ port }) => port)
  t.deepEqual(portsOf(overrideAll(nodes, { portUdp: 0 }), 'UDP'), [0, 0, 0, 0, 0], 'any free port each')
  t.deepEqual(portsOf(overrideAll(nodes, { portTcp: 6000 }), 'TCP'), [6000], 'one has TCP')
  t.deepEqual(portsOf(overrideAll(choose(nodes, { node: 'prose' }), { portUdp: 6000 }), 'UDP'), [6000])
  const [one] = readOperators(alone)
  t.throws(() => overrideAll([one!], { portTcp: 8060 }), {
    message: '--port-tcp 8060 is the port of ws://127.0.0.1:8060, too; expected another',
  })
  t.deepEqual(portsOf(overrideAll([one!], { portUdp: 8060, portTcp: 5060 }), 'UDP'), [8060], 'datagrams have ports of their own')
  const twice = { ...one!, listen: [...one!.listen, { transport: 'UDP', host: '127.0.0.1', port: 5070 } as const] }
  t.throws(() => overrideAll([twice], { portUdp: 5060 }), { message: /several udp:\/\/ at 127[.]0[.]0[.]1; use --listen$/ })
  const elsewhere = { ...one!, listen: [...one!.listen, { transport: 'UDP', host: '127.0.0.2', port: 5070 } as const] }
  t.deepEqual(portsOf(overrideAll([elsewhere], { portUdp: 6000 }), 'UDP'), [6000, 6000])
})

test('an operator is named once', (t) => {
  t.is(readOnce('north', undefined), 'north')
  t.throws(() => readOnce('south', 'north'), { message: 'Expected the option once: north was given before.' })
  for (const command of [startCommand(), explainCommand()]) {
    const option = command.options.find(({ long }) => long === '--operator')
    t.true(Object.is(option?.parseArg, readOnce), command.name())
  }
})
