/** Requests that are too long for any path: TCP first where the next hop may have it, and what becomes of them where it has none. */
import test from 'ava'
import type { Flow } from '../../../signalling/index.ts'
import { LongRequests } from '../../../signalling/routing/long-request.ts'
import { Stats } from '../../../signalling/stats.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import type { ClientUser, NotSent } from '../../../signalling/transactions/client.ts'
import type { FlowTable } from '../../../signalling/transports/flows.ts'
import { requestText } from '../../support/wire.ts'

const remote = { host: '192.0.2.1', port: 5060 }

function scene(fellow = false) {
  const clock = new ManualClock()
  const datagrams = { transport: 'UDP', remote, reliable: false, trusted: false, longest: 65_507, proven: true } as Flow
  const tried: (Flow & { connecting: boolean; user: ClientUser | undefined })[] = []
  const flows = {
    to: () => {
      const stream = {
        connecting: true,
        user: undefined as ClientUser | undefined,
        close: () => stream.user?.onNoResponse(503), // as the table has it when a flow is gone
      }
      tried.push(stream as never)
      return stream
    },
  } as unknown as FlowTable
  const long = new LongRequests(clock, flows, new Stats(), () => fellow)
  const send = (method: string, uri = `sip:bob@${remote.host}`, bytes = 2000) => {
    const outcome: { sent?: true; dropped?: true; why?: NotSent | undefined; status?: number } = {}
    const user: ClientUser = {
      onResponse: ({ status }) => Object.assign(outcome, { status }),
      onNoResponse: (status, why) => Object.assign(outcome, { status, why }),
    }
    long.send({
      method,
      bytes: Buffer.from(requestText(method, uri, { body: 'x'.repeat(bytes) })),
      flow: datagrams,
      located: false,
      user,
      sendBy: (stream, other) => {
        Object.assign(stream, { user: other })
        return { cancel: () => undefined, withdraw: () => undefined }
      },
      sendHere: () => {
        outcome.sent = true
        return { cancel: () => undefined, withdraw: () => undefined }
      },
      drop: () => {
        outcome.dropped = true
      },
    })
    return outcome
  }
  return { clock, tried, send }
}

test('a hop that lets nobody connect gets a datagram within a second, and is not tried so again for five minutes', async (t) => {
  const { clock, tried, send } = scene()
  const first = send('INVITE')
  t.is(tried.length, 1)
  await clock.advance(999)
  t.is(first.sent, undefined)
  await clock.advance(1)
  t.true(first.sent)
  t.true(send('INVITE').sent)
  t.is(tried.length, 1)
  await clock.advance(300_000)
  send('INVITE')
  t.is(tried.length, 2)
})

test('a connection that breaks once it stood is an outcome, and no reason to send it again', async (t) => {
  const { clock, tried, send } = scene()
  const outcome = send('INVITE')
  tried[0]!.connecting = false
  await clock.advance(1000)
  t.true(outcome.dropped)
  tried[0]!.user!.onNoResponse(503)
  t.deepEqual([outcome.sent, outcome.status], [undefined, 503])
})

test('a MESSAGE leaves this machine as a datagram up to 1300 bytes alone (RFC 3428 §8), but between nodes of ours', async (t) => {
  const stranger = scene()
  const refused = stranger.send('MESSAGE', `sip:bob@${remote.host};transport=udp`)
  await stranger.clock.advance(1)
  t.is(stranger.tried.length, 0)
  t.is(refused.why!.status, 513)
  t.regex(refused.why!.text, /goes by TCP, TLS or WebSocket alone, which the next hop lacks/)
  const fellow = scene(true)
  t.true(fellow.send('MESSAGE').sent)
  t.is(fellow.tried.length, 0)
})

test('behind a NAT, where the URI is not the place: no connection is tried', async (t) => {
  const { clock, tried, send } = scene()
  t.true(send('NOTIFY', 'sip:bob@10.0.0.7:5060').sent)
  const huge = send('NOTIFY', 'sip:bob@10.0.0.7:5060', 70_000)
  await clock.advance(1)
  t.is(tried.length, 0)
  t.is(huge.why!.status, 513)
  t.true(huge.why!.excess! > 4000)
})
