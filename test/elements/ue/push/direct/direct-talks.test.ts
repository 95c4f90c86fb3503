/** Talking directly (SPEC §5.7): offer and answer through the servers, text past them, NATs between, and no path at all. */
import test, { type ExecutionContext } from 'ava'
import { agentNode } from '../../../../../dialplans/running/agent-node.ts'
import {
  type DirectTalk,
  type DirectTalkListener,
  DirectTalks,
  EngineAgent,
  UePushClient,
} from '../../../../../elements/ue/index.ts'
import { memoryStore, type OpenMediaSocket, silent } from '../../../../../signalling/index.ts'
import { Ground } from '../../../../contracts/agent-ground.ts'
import { MemoryNat } from '../../../../support/media.ts'

class Heard implements DirectTalkListener {
  readonly words: string[] = []
  ringing(): void {
    this.words.push('ringing')
  }
  connected({ host, port }: { host: string; port: number }): void {
    this.words.push(`direct ${host}:${port}`)
  }
  text(text: string): void {
    this.words.push(text)
  }
  ended({ why }: { why: string }, unsent: string): void {
    this.words.push(unsent === '' ? why : `${why}: ${unsent}`)
  }
  pushed({ status }: { status: number }): void {
    this.words.push(`pushed ${status}`)
  }
}

/** alice and bob at the default network, each with sockets of sessions as given. */
class Scene {
  readonly ground = new Ground('MEM', async () => {
    throw new Error('agents are made here')
  })
  readonly heard = { alice: new Heard(), bob: new Heard() }
  readonly talks: DirectTalks[] = []
  readonly bobsTalks: DirectTalk[] = []
  readonly texts: string[] = []
  takes = true

  static async open(
    t: ExecutionContext,
    media: (scene: Scene) => { alice: OpenMediaSocket; bob: OpenMediaSocket },
  ): Promise<Scene> {
    const scene = new Scene()
    await scene.ground.open()
    const sockets = media(scene)
    for (const [i, name] of (['alice', 'bob'] as const).entries()) await scene.join(name, `10.0.3.${i + 1}`, sockets[name])
    t.teardown(() => scene.ground.close())
    return scene
  }
  get network() {
    return this.ground.network!
  }
  private async join(name: 'alice' | 'bob', host: string, open: OpenMediaSocket): Promise<void> {
    const { ground } = this
    const { clock, ids } = ground
    const { host: server, port } = ground.serverAddress
    const agent = new EngineAgent({
      identity: `sip:${name}@localhost`,
      password: `${name}-proxima`,
      proxy: `sip:${server}:${port};lr`,
    })
    const node = agentNode(agent.element, { ...ground.common(name), listen: [{ transport: 'MEM', host, port: 5060 }] })
    await node.start()
    ground.nodes.push(node)
    const client = new UePushClient({ agent, clock, store: memoryStore(clock), log: silent, places: [] })
    client.run({
      id: 'org.example.text',
      types: ['text/plain'],
      take: ({ content }) => this.texts.push(`${name} gets ${Buffer.from(content, 'base64').toString()}`) > 0,
    })
    await client.start()
    const { status } = await ground.during(client.register())
    if (status !== 200) throw new Error(`${name}: ${status}`)
    const stunServers = [ground.serverAddress]
    const talks = new DirectTalks({ agent, client, clock, ids, log: silent, open, stunServers })
    talks.answerBy(async () => {
      if (!this.takes) return undefined
      return (talk) => {
        this.bobsTalks.push(talk)
        return this.heard[name]
      }
    })
    this.talks.push(talks)
  }
  async call(to = 'sip:bob@localhost'): Promise<DirectTalk> {
    const talk = await this.talks[0]!.call(to, this.heard.alice)
    if ('status' in talk) throw new Error(String(talk.status))
    return talk
  }
  pass(ms: number): Promise<void> {
    return this.ground.pass(ms)
  }
}
const straight = (scene: Scene) => ({
  alice: scene.network.mediaSockets('10.0.4.1'),
  bob: scene.network.mediaSockets('10.0.4.2'),
})

test('two that reach each other: ringing, a path, text both ways, and the end', async (t) => {
  const scene = await Scene.open(t, straight)
  const talk = await scene.call()
  talk.write('before there is a path\r\n')
  await scene.pass(3000)
  scene.bobsTalks[0]!.write('hello ☎')
  talk.write('and after')
  await scene.pass(3000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'direct 10.0.4.2:40000', 'hello ☎'])
  t.deepEqual(scene.heard.bob.words, ['direct 10.0.4.1:40000', 'before there is a path\r\n', 'and after'])
  talk.end()
  await scene.pass(1000)
  t.is(scene.heard.bob.words.at(-1), 'peer')
  t.is(scene.heard.alice.words.length, 3, 'who ends it is not told')
})
test('P63 both behind a restricted-cone NAT: checks open both, and text passes', async (t) => {
  const nats: MemoryNat[] = []
  const scene = await Scene.open(t, ({ network }) => {
    nats.push(new MemoryNat(network, '192.0.2.1', 'cone'), new MemoryNat(network, '192.0.2.2', 'cone'))
    return { alice: nats[0]!.mediaOf('10.1.0.5'), bob: nats[1]!.mediaOf('10.2.0.5') }
  })
  const talk = await scene.call()
  talk.write('through two NATs')
  await scene.pass(4000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'direct 192.0.2.2:50000'])
  t.deepEqual(scene.heard.bob.words, ['direct 192.0.2.1:50000', 'through two NATs'])
})
test('P64 two behind one public address: each has a port of its own, and they reach each other', async (t) => {
  const scene = await Scene.open(t, ({ network }) => {
    const nat = new MemoryNat(network, '192.0.2.1', 'cone')
    return { alice: nat.mediaOf('10.1.0.5'), bob: nat.mediaOf('10.1.0.6') }
  })
  await scene.call()
  await scene.pass(4000)
  const addresses = [scene.heard.alice, scene.heard.bob].map(({ words }) => words.find((word) => word.startsWith('direct')))
  t.deepEqual(addresses.toSorted(), ['direct 192.0.2.1:50000', 'direct 192.0.2.1:50001'])
})
test('a symmetric NAT on one side: the address that only a check shows', async (t) => {
  const scene = await Scene.open(t, ({ network }) => ({
    alice: new MemoryNat(network, '192.0.2.1', 'symmetric').mediaOf('10.1.0.5'),
    bob: network.mediaSockets('198.51.100.7'),
  }))
  const talk = await scene.call()
  talk.write('from a symmetric NAT')
  await scene.pass(4000)
  t.is(scene.heard.alice.words.at(-1), 'direct 198.51.100.7:40000')
  t.is(scene.heard.bob.words.at(-1), 'from a symmetric NAT')
})
test('P67 NATs that cannot be passed: BYE no-direct-path after 5 s, and what was written goes as a Push', async (t) => {
  const scene = await Scene.open(t, ({ network }) => ({
    alice: new MemoryNat(network, '192.0.2.1', 'symmetric').mediaOf('10.1.0.5'),
    bob: new MemoryNat(network, '192.0.2.2', 'symmetric').mediaOf('10.2.0.5'),
  }))
  const talk = await scene.call()
  talk.write('by whatever way')
  await scene.pass(10_000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'no-direct-path: by whatever way', 'pushed 200'])
  t.true(['peer', 'no-direct-path'].includes(scene.heard.bob.words[0]!))
  t.deepEqual(scene.texts, ['bob gets by whatever way'])
})
test('a path that dies is told after 30 s', async (t) => {
  const scene = await Scene.open(t, straight)
  await scene.call()
  await scene.pass(3000)
  scene.network.part('10.0.4.1', '10.0.4.2')
  await scene.pass(40_000)
  t.is(scene.heard.alice.words.at(-1), 'lost')
})
test('one who takes no call: 603; one who is away: 480; one who hangs up before: told', async (t) => {
  const scene = await Scene.open(t, straight)
  scene.takes = false
  await scene.call()
  await scene.pass(3000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'refused'])
  await scene.call('sip:carol@localhost')
  await scene.pass(3000)
  t.is(scene.heard.alice.words.at(-1), 'refused')
  scene.takes = true
  const talk = await scene.call()
  talk.end()
  await scene.pass(3000)
  t.is(scene.heard.alice.words.length, 3)
})
