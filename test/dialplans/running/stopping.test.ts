/** A node that stops while a request is under way: /health says so for as long as that takes, and /v1 lets nobody begin. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { examine } from '../../../dialplans/commands/health.ts'
import { RunningOperator } from '../../../dialplans/commands/start/operator.ts'
import { readDialplan } from '../../../dialplans/commands/support/network.ts'
import { parsePlace } from '../../../dialplans/network/dialplan.ts'
import { silent } from '../../../signalling/index.ts'
import { UdpHand } from '../../hostile/stand.ts'

test('a node that stops tells so until the last request is answered', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'proxima-stopping-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))
  const file = join(import.meta.dirname, '../../../dialplans/default.yaml')
  const plan = readDialplan(file)
  const elements = plan.elements.map((element) =>
    element.role === 'proxy' ? { ...element, settings: { authenticate: 'none', registration: 'optional' } } : element,
  )
  const place = { host: '127.0.0.1', port: 0 }
  const started = { ...plan, elements, data, http: place, listen: [{ transport: 'UDP', ...place } as const] }
  const operator = await RunningOperator.start(started, { log: silent, surroundings: {} })
  t.teardown(() => operator.stop(0))
  const [at] = operator.announcement('dgram', false).flatMap((line) => /http:\/\/([\d.:]+)/.exec(line)?.[1] ?? [])
  const fault = async (): Promise<string | undefined> => (await examine(file, { http: parsePlace(at!)! }))[0]!.fault

  const hand = await UdpHand.open({ udp: operator.running.node.listening[0]!.port })
  t.teardown(() => hand.close())
  t.is((await hand.register('bob')).status, 200)
  t.is(await fault(), undefined)
  const answered = hand.ask('MESSAGE', 'sip:bob@localhost', {
    from: 'sip:alice@localhost',
    lines: ['Content-Type: text/plain'],
    body: 'x',
  })
  await hand.until(() => hand.requests.length > 0)

  const stopped = operator.stop(60_000)
  t.regex((await fault()) ?? '', /^default at http:.* is stopping$/)
  t.is((await fetch(`http://${at}/v1/subscribers`)).status, 503)
  hand.answer(200) // the MESSAGE comes again, as nothing has been answered
  t.is((await answered).status, 200)
  await stopped
  t.regex((await fault()) ?? '', /^no node answers at/)
})
