/** A user registers with an application by himself, and friends who come near show in an unmodified softphone (SPEC §3.5, §4). */
import test from 'ava'
import { ApplicationClient, type Ue } from '../../elements/ue/index.ts'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { baresipPeer } from './peers/baresip.ts'
import { settled } from './peers/capture.ts'
import { ProcessStage, type Protocol } from './peers/stage.ts'

const application = 'org.example.nearby'

async function member(stage: ProcessStage, name: string): Promise<{ ue: Ue; client: ApplicationClient }> {
  const ue = await stage.ue(name)
  const state = await ue.requestProximity(['discoverable', 'discoverer'])
  if (typeof state === 'number') throw new Error(`${name} is refused: ${state}`)
  const client = new ApplicationClient({ agent: ue.agent, clock: stage.clock, application })
  const registered = await client.registerAutomatically()
  stage.expect(`${name} is registered, not ${registered.cause}`, registered.cause === undefined)
  return { ue, client }
}

function codeOf({ state }: Ue): string {
  return state!.announce!.code
}

async function scene(protocol: Protocol): Promise<{ server: DefaultServer; stage: ProcessStage; leave: () => Promise<void> }> {
  const server = await startDefaultServer()
  const stage = new ProcessStage(server, protocol)
  return { server, stage, leave: () => stage.leave() }
}

for (const protocol of ['WS', 'UDP', 'TCP'] as const) {
  test(`with no human step, over ${protocol}: registered, asks who is near, sees a friend come and go`, async (t) => {
    const { server, stage, leave } = await scene(protocol)
    t.teardown(() => server.remove())
    const alice = await member(stage, 'alice')
    const bob = await member(stage, 'bob')
    t.deepEqual(await alice.client.who(), [])
    const seen: string[] = []
    alice.client.watch((near) => seen.push(near.map(({ user }) => user).join()))
    await stage.until('nobody is near', () => seen.length > 0)
    await alice.ue.report([{ code: codeOf(bob.ue), at: Date.now() }])
    await stage.until('bob is near', () => seen.at(-1) === 'sip:bob@localhost')
    await alice.ue.report([], [codeOf(bob.ue)])
    await stage.until('bob is gone', () => seen.at(-1) === '')
    alice.client.stop()
    await leave()
    await settled(t, server)
  })
}

test('baresip shows a buddy as online while he is near', async (t) => {
  const { server, stage, leave } = await scene('WS')
  t.teardown(() => server.remove())
  const alice = await member(stage, 'alice')
  const bob = await member(stage, 'bob')
  const phone = await baresipPeer({ server, user: 'alice', transport: 'udp', watches: 'near-bob', others: ['near-bob'] })
  let metrics = ''
  const asked = async (): Promise<void> => {
    metrics = await (await fetch(`${server.http}/metrics`)).text()
  }
  // it tells of changes only, so it has to have asked before bob comes
  await stage.until('baresip has asked', () => {
    void asked()
    return /^proxima_as_served_devices 1$/m.test(metrics)
  })
  await alice.ue.report([{ code: codeOf(bob.ue), at: Date.now() }])
  await phone.presence?.sees('near-bob')
  await phone.stop()
  await leave()
  await settled(t, server)
})
