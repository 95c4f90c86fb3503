/** Names of flows: written, told apart, and followed to the flow again. */
import test from 'ava'
import { flowName, flowNamed, flowNameTo, isNameOfConnection } from '../../../signalling/transports/flow-name.ts'
import type { Flow, HostPort } from '../../../signalling/transports/transport.ts'
import { BenchFlow } from '../transactions/bench.ts'

const taken: Flow = new BenchFlow(true)
const dialled: Flow = Object.assign(new BenchFlow(true), { dialled: true })
const datagrams: Flow = new BenchFlow(false)

test('a datagram peer and a connection that we made have a name for good, a connection that we took has its id', (t) => {
  t.is(flowName(datagrams), 'MEM|10.0.0.2|5060|5060')
  t.is(flowName(dialled), 'MEM|10.0.0.2|5060|5060')
  t.is(flowName(taken), 'bench')
  t.deepEqual(
    [datagrams, dialled, taken].map((flow) => isNameOfConnection(flowName(flow))),
    [false, false, true],
  )
})

test('a name leads to an open connection by its id, and to any other flow by its place', (t) => {
  const asked: (readonly [transport: string, remote: HostPort, port: number])[] = []
  const source = {
    open: (id: string) => (id === 'bench' ? taken : undefined),
    to: (transport: string, remote: HostPort, { port }: { port: number }) => {
      asked.push([transport, remote, port])
      return datagrams
    },
  }
  t.is(flowNamed('bench', source), taken)
  t.is(flowNamed('another', source), undefined)
  t.deepEqual(asked, [])
  t.is(flowNamed(flowNameTo('TCP', '2001:db8::9', 5099, 5070), source), datagrams)
  t.deepEqual(asked, [['TCP', { host: '2001:db8::9', port: 5099 }, 5070]])
})
