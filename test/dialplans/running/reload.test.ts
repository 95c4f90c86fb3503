/** A dialplan read again: what changes at once, what waits for the next start, and what is refused as a whole. */
import test from 'ava'
import { assemble } from '../../../dialplans/network/assemble.ts'
import type { Dialplan, PlannedElement } from '../../../dialplans/network/dialplan.ts'
import type { RunningNode } from '../../../dialplans/running/compose.ts'
import { reload } from '../../../dialplans/running/reload.ts'
import type { Element } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'

const person = (name: string, password = `${name}-proxima`) => ({
  id: `sip:${name}@localhost`,
  password,
  permissions: { discoverable: true, discoverer: true },
})
const element = (name: string, settings: object): PlannedElement => ({ name, role: name, line: 7, settings: { ...settings } })

function dialplan(elements: readonly PlannedElement[], more: Partial<Dialplan> = {}): Dialplan {
  return {
    file: 'plan.yaml',
    name: 'lab',
    domains: ['localhost'],
    listen: [{ transport: 'UDP', host: '10.0.0.1', port: 5060 }],
    tls: undefined,
    http: undefined,
    data: 'memory',
    trusted: [],
    limits: {},
    connections: {},
    dns: {},
    elements,
    nodes: [],
    rules: undefined,
    ...more,
  }
}
const usual = (subscribers: readonly object[], proxy: object = {}): readonly PlannedElement[] => [
  element('proxy', proxy),
  element('hss', { subscribers }),
]

/** The dialplan running in virtual time. */
async function running(t: { teardown(stop: () => Promise<void>): void }, plan: Dialplan) {
  const lab = new Lab()
  const assembled = assemble(plan)
  if (assembled.faults !== undefined) throw new Error(JSON.stringify(assembled.faults))
  const elements: readonly Element[] = assembled.value.elements
  const node = await lab.serve(plan.domains, elements)
  t.teardown(() => lab.stop())
  const process = { node, elements } as unknown as RunningNode
  const register = async (name: string, password: string, contact = '<sip:a@10.0.1.1>'): Promise<number> => {
    const agent = agents.get(name) ?? (await lab.agent(name))
    agents.set(name, agent)
    const response = await lab.during(
      agent.host.send({
        method: 'REGISTER',
        to: `sip:${name}@localhost`,
        from: `sip:${name}@localhost`,
        route: ['<sip:10.0.0.1;lr>'],
        headers: [['Contact', contact]],
        credentials: { user: name, password },
      }),
    )
    return response.status
  }
  const agents = new Map<string, Awaited<ReturnType<Lab['agent']>>>()
  return { lab, process, register, agents, again: (next: Dialplan) => lab.during(reload(process, plan, next)) }
}

test('subscribers come, change and go at once', async (t) => {
  const { again, register } = await running(t, dialplan(usual([person('alice'), person('bob')])))
  t.is(await register('alice', 'alice-proxima'), 200)
  t.is(await register('bob', 'bob-proxima'), 200)
  t.is(await register('carol', 'carol-proxima'), 401)
  t.deepEqual(await again(dialplan(usual([person('alice', 'other'), person('carol')]))), { waiting: [] })
  t.is(await register('alice', 'alice-proxima'), 401)
  t.is(await register('alice', 'other'), 200)
  t.is(await register('bob', 'bob-proxima'), 401)
  t.is(await register('carol', 'carol-proxima'), 200)
})

test('one who has gone is served no more: no word from her, none to her', async (t) => {
  const { lab, again, register, agents } = await running(t, dialplan(usual([person('alice'), person('bob')])))
  t.is(await register('alice', 'alice-proxima', '<sip:alice@10.0.1.1>'), 200)
  t.is(await register('bob', 'bob-proxima', '<sip:bob@10.0.1.2>'), 200)
  const write = async (from: string, to: string): Promise<number> => {
    const { status } = await lab.during(
      agents
        .get(from)!
        .host.send({ method: 'MESSAGE', to: `sip:${to}@localhost`, from: `sip:${from}@localhost`, route: ['<sip:10.0.0.1;lr>'] }),
    )
    return status
  }
  t.deepEqual([await write('alice', 'bob'), await write('bob', 'alice')], [200, 200])
  await again(dialplan(usual([person('bob')])))
  t.deepEqual([await write('alice', 'bob'), await write('bob', 'alice')], [407, 404])
})

test('an alias goes from one to another', async (t) => {
  const alias = { ...person('alice'), aliases: ['tel:+491'] }
  const { again, process } = await running(t, dialplan(usual([alias, person('bob')])))
  t.deepEqual(await again(dialplan(usual([person('alice'), { ...person('bob'), aliases: ['tel:+491'] }]))), { waiting: [] })
  const hss = process.elements.find(({ name }) => name === 'hss') as unknown as { get(id: string): { id: string } | undefined }
  t.is(hss.get('tel:+491')?.id, 'sip:bob@localhost')
})

test('the proxy’s rules, the limits and the rules of the plan change; what cannot is named', async (t) => {
  const { again, register } = await running(t, dialplan(usual([person('alice')])))
  t.is(await register('alice', 'alice-proxima', '<sip:a@10.0.1.1>;expires=30'), 423)
  const proxy = { expires: { usual: 600, min: 10, max: 700 }, nonce: { seconds: 9 }, authenticate: ['SHA-256'] }
  const next = dialplan([...usual([person('alice')], proxy), element('presence', {})], {
    listen: [{ transport: 'UDP', host: '10.0.0.1', port: 5070 }],
    limits: { source: { rate: 1, burst: 1 } },
  })
  const outcome = await again(next)
  t.deepEqual(outcome, { waiting: ['listen', 'elements.presence', 'elements.proxy.authenticate', 'elements.proxy.nonce'] })
  t.is(await register('alice', 'alice-proxima', '<sip:a@10.0.1.1>;expires=30'), 503, 'one request a second now')
  t.deepEqual(await again({ ...next, limits: {} }), outcome)
  t.is(await register('alice', 'alice-proxima', '<sip:a@10.0.1.1>;expires=30'), 200)
})

test('what makes no sense is refused with its line, and nothing has changed', async (t) => {
  const { again, register } = await running(t, dialplan(usual([person('alice')])))
  const bad: readonly Dialplan[] = [
    dialplan(usual([person('bob'), person('bob')])),
    dialplan(usual([person('bob'), { id: 'sip:x@localhost' }])),
    dialplan(usual([person('bob')]), { rules: [{ to: 'nobody', line: 3 } as never] }),
  ]
  for (const plan of bad) {
    const { faults } = await again(plan)
    t.is(faults?.length, 1)
    t.is(faults![0]!.file, 'plan.yaml')
    t.true(faults![0]!.line > 0)
  }
  const { faults: twice } = await again(bad[0]!)
  t.like(twice?.[0], { text: 'hss: subscriber sip:bob@localhost is provisioned twice', expected: 'each subscriber once' })
  t.is(await register('alice', 'alice-proxima'), 200)
  t.is(await register('bob', 'bob-proxima'), 401)
})

test('connections, name servers and shares of subscribers change at once; how long TLS may take to begin does not', async (t) => {
  const plan = dialplan(usual([person('alice')]))
  const { again } = await running(t, plan)
  const next = { connections: { idle: 5, head: 3 }, dns: { servers: ['127.0.0.1:5353'] }, limits: { subscriptions: 1 } }
  t.deepEqual(await again({ ...plan, ...next }), { waiting: [] })
  const tls = { transport: 'TLS', host: '10.0.0.1', port: 5061 } as const
  const secure = await running(t, plan)
  const started = { ...plan, listen: [...plan.listen, tls] }
  const outcome = await secure.lab.during(reload(secure.process, started, { ...started, ...next }))
  t.deepEqual(outcome, { waiting: ['connections.head of TLS handshakes'] })
})
