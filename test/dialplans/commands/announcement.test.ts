/** The announcement of a node that starts. */
import { join } from 'node:path'
import test from 'ava'
import { announcement } from '../../../dialplans/commands/start/announcement.ts'
import { readDialplan } from '../../../dialplans/commands/support/network.ts'

test('the announcement tells where, how, and that it is ready', (t) => {
  const plan = readDialplan('default')
  const lines = announcement(plan, { listening: plan.listen, carrier: 'dgram, because', http: plan.http })
  const text = lines.join('\n')
  for (const part of [
    'udp://127.0.0.1:5060',
    'ws://127.0.0.1:8060',
    'http://127.0.0.1:8080',
    'user alice',
    'password alice-proxima',
    'proxy 127.0.0.1:5060',
    'datagrams by dgram, because',
    `state in ${join(process.cwd(), 'data')}`,
  ])
    t.true(text.includes(part), part)
  t.is(lines.filter((line) => line.includes('ready')).length, 1)
})
