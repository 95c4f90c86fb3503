/** Talking directly (SPEC §5.7): offer and answer through the servers, text past them, NATs between, and no path at all. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { agentNode } from '../../../../../dialplans/running/agent-node.ts'
import {
  type DirectTalk,
  type DirectTalkListener,
  DirectTalks,
  EngineAgent,
  UePushClient,
} from '../../../../../elements/ue/index.ts'
import { readDescription } from '../../../../../elements/ue/push/direct/session-description.ts'
import { bindingRequest, memoryStore, type OpenMediaSocket, silent } from '../../../../../signalling/index.ts'
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
  readonly clients: UePushClient[] = []
  readonly logged: string[] = []
  readonly talks: DirectTalks[] = []
  readonly bobsTalks: DirectTalk[] = []
  readonly texts: string[] = []
  takes = true
  /** Time that the user takes for the answer. */
  asks: () => Promise<void> = async () => undefined
  readonly agents: EngineAgent[] = []

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
    this.agents.push(agent)
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
    this.clients.push(client)
    const { status } = await ground.during(client.register())
    if (status !== 200) throw new Error(`${name}: ${status}`)
    const stunServers = [ground.serverAddress]
    const log = { ...silent, error: (...[, text]: Parameters<typeof silent.error>) => void this.logged.push(String(text)) }
    const talks = new DirectTalks({ agent, client, clock, ids, log, open, stunServers })
    talks.answerBy(async () => {
      await this.asks()
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
  t.deepEqual(scene.heard.alice.words, ['ringing', 'pushed 200', 'no-direct-path: by whatever way'])
  t.true(['peer', 'no-direct-path'].includes(scene.heard.bob.words[0]!))
  t.deepEqual(scene.texts, ['bob gets by whatever way'])
})
test('P67 where the store fails what was written does not go, the log says so, and nothing ends', async (t) => {
  const scene = await Scene.open(t, ({ network }) => ({
    alice: new MemoryNat(network, '192.0.2.1', 'symmetric').mediaOf('10.1.0.5'),
    bob: new MemoryNat(network, '192.0.2.2', 'symmetric').mediaOf('10.2.0.5'),
  }))
  scene.clients[0]!.send = () => Promise.reject(new Error('no space'))
  const talk = await scene.call()
  talk.write('by whatever way')
  await scene.pass(10_000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'no-direct-path: by whatever way'])
  t.deepEqual(scene.logged, ['what was written could not be sent'])
})
test('a path that dies is told after 30 s', async (t) => {
  const scene = await Scene.open(t, straight)
  await scene.call()
  await scene.pass(3000)
  scene.network.part('10.0.4.1', '10.0.4.2')
  await scene.pass(40_000)
  t.is(scene.heard.alice.words.at(-1), 'lost')
})
test('one who takes no call, one who is away, one who hangs up before', async (t) => {
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

/** A check or text of somebody who knows no password, from a place of his own. */
function forge(scene: Scene, bytes: Buffer): void {
  scene.network.carry({ host: '10.0.9.9', port: 4000 }, { host: '10.0.4.2', port: 40_000 }, bytes)
}
const rtp = (text: string): Buffer => Buffer.concat([Buffer.from([0x80, 98, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]), Buffer.from(text)])

test('text of somebody else is not shown, whenever it comes', async (t) => {
  const scene = await Scene.open(t, straight)
  await scene.call()
  for (let i = 0; i < 60; i++) {
    forge(scene, rtp('I am alice'))
    forge(scene, bindingRequest(Buffer.alloc(12, i), { username: 'a:b', password: 'guess' }))
    await scene.pass(50)
  }
  t.deepEqual(scene.heard.bob.words, ['direct 10.0.4.1:40000'])
})
test('a call without text is refused before anybody is asked, and no other device is kept from it', async (t) => {
  const scene = await Scene.open(t, straight)
  const refusals: number[] = []
  const words: string[] = []
  const audio = 'v=0\r\no=- 1 1 IN IP4 10.0.4.1\r\ns=-\r\nc=IN IP4 10.0.4.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
  scene.agents[0]!.call(
    'sip:bob@localhost',
    { type: 'application/sdp', content: audio },
    {
      ringing: () => words.push('ringing'),
      answered: () => words.push('answered'),
      refused: ({ status }) => refusals.push(status),
      ended: () => words.push('ended'),
    },
  )
  await scene.pass(3000)
  t.deepEqual(refusals, [488])
  t.deepEqual(words, [])
})
test('who hangs up while the other is asked: no path is looked for', async (t) => {
  const scene = await Scene.open(t, straight)
  let answer: () => void = () => undefined
  scene.asks = () =>
    new Promise((resolve) => {
      answer = resolve
    })
  const talk = await scene.call()
  await scene.pass(1000)
  talk.end()
  await scene.pass(1000)
  answer()
  await scene.pass(6000)
  t.deepEqual(scene.heard.bob.words, ['peer'], 'his yes came late, and he is told')
})
test('who is away, or declines: what was written goes as a Push', async (t) => {
  const scene = await Scene.open(t, straight)
  scene.takes = false
  const talk = await scene.call()
  talk.write('later then')
  await scene.pass(3000)
  t.deepEqual(scene.heard.alice.words, ['ringing', 'pushed 200', 'refused: later then'])
  t.deepEqual(scene.texts, ['bob gets later then'])
})
test('descriptions of a hostile peer: none is read that cannot be meant, and none throws', (t) => {
  const lines = (...more: readonly string[]): string =>
    ['v=0', 'o=- 1 1 IN IP4 44.1.2.3', 's=-', 't=0 0', 'm=text 5000 RTP/AVP 98', 'a=rtpmap:98 t140/1000', ...more, ''].join(
      '\r\n',
    )
  const pwd = 'a=ice-pwd:1234567890123456789012'
  t.deepEqual(readDescription(lines('a=ice-ufrag:1234', pwd))?.secret, { fragment: '1234', password: '1234567890123456789012' })
  for (const wrong of ['a=ice-ufrag:abc', `a=ice-ufrag:${'x'.repeat(33)}`, 'a=ice-ufrag:a b c d'])
    t.is(readDescription(lines(wrong, pwd)), undefined)
  const places = ['0.0.0.0', '224.0.0.1', '255.255.255.255', 'ff02::1', '::', 'host.example', '1']
  const candidates = places.map((place, i) => `a=candidate:${i} 1 UDP 1 ${place} 4000 typ host`)
  const odd = ['a=candidate:1 1 17 1 192.0.2.1 4000 typ host', 'a=candidate:1 1 UDP 1 192.0.2.1 0 typ host']
  const read = readDescription(lines('a=ice-ufrag:abcd', `a=ice-pwd:${'x'.repeat(22)}`, ...candidates, ...odd))
  t.deepEqual([read?.hosts, read?.reflexive], [[], []])
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => t.notThrows(() => readDescription(text))))
})
test('candidates all at one victim: he gets few checks', async (t) => {
  let victim = 0
  const scene = await Scene.open(t, ({ network }) => {
    const plain = network.mediaSockets('10.0.4.1')
    const hosts = Array.from({ length: 20 }, (_, i) => ({ host: '198.51.100.9', port: 4000 + (i % 10) }))
    return { alice: async (received) => ({ ...(await plain(received)), hosts }), bob: network.mediaSockets('10.0.4.2') }
  })
  scene.network.fate = (_from, to) => {
    if (to.host === '198.51.100.9') victim++
    return [1]
  }
  scene.network.part('10.0.4.1', '10.0.4.2')
  await scene.call()
  await scene.pass(10_000)
  t.true(victim > 50)
  t.true(victim <= 2 * 101, String(victim))
})
