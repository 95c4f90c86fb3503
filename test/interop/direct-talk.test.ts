/** `proxima ue --talk` on hosts behind real NATs, each a network namespace (SPEC §5.7). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { NatNetwork, noNamespaces } from '../support/namespaces.ts'
import type { Running } from '../support/process.ts'

const why = noNamespaces()
const withNats = why === undefined ? test.serial : test.serial.skip // the machine has no namespaces, or the user no right to them
if (why !== undefined) console.error(`not tested: talking directly through NATs: ${why}`)

const server = '198.18.0.1:5060'
const plan = readFileSync(join(import.meta.dirname, '../../dialplans/default.yaml'), 'utf8')

class Homes {
  readonly network = new NatNetwork()
  readonly outside = { east: this.network.home('east', 2), west: this.network.home('west', 1) }
  private readonly state = mkdtempSync(join(tmpdir(), 'proxima-talk-'))
  private readonly running: Running[] = []

  static async open(t: ExecutionContext): Promise<Homes> {
    const homes = new Homes()
    t.teardown(() => homes.close())
    const listen = ['udp', 'tcp'].flatMap((each) => ['--listen', `${each}://${server}`])
    const file = join(homes.state, 'network.yaml')
    writeFileSync(file, plan.replace(/-proxima\b/g, '-of-the-lab')) // it listens beyond this machine
    const process = homes.run(
      'public',
      'start',
      file,
      ...listen,
      '--listen',
      'udp://198.18.0.1:3478',
      '--data',
      'memory',
      '--no-http',
    )
    await process.said(/ready/i)
    return homes
  }
  private run(host: string, ...args: readonly string[]): Running {
    const running = this.network.proxima(host, ...args)
    this.running.push(running)
    return running
  }
  ue(host: string, name: string, ...args: readonly string[]): Running {
    const own = ['--server', server, '--password', `${name}-of-the-lab`, '--state', join(this.state, name), '--air', 'none']
    return this.run(host, 'ue', name, ...own, ...args)
  }
  async close(): Promise<void> {
    await Promise.all(this.running.reverse().map((running) => running.stop()))
    this.network.close()
    rmSync(this.state, { recursive: true, force: true })
  }
}

withNats('P63, P64: two NATs are passed, and two users behind one address have ports of their own', async (t) => {
  const homes = await Homes.open(t)
  const { outside } = homes
  const carol = homes.ue('west-1', 'carol', '--push', '--open', 'always')
  await carol.said(/is registered/)
  const ports: string[] = []
  for (const [host, name] of [
    ['east-1', 'alice'],
    ['east-2', 'bob'],
  ] as const) {
    const since = carol.output.length
    const caller = homes.ue(host, name, '--talk', 'sip:0c58a2e9471db36f@push.localhost;user=push')
    const [, theirs] = await caller.said(/direct path to .* at ([\d.]+):\d+/)
    t.is(theirs, outside.west, 'through the NAT of the other side')
    caller.type(`hello from ${name}\n`)
    await carol.said(new RegExp(`: hello from ${name}\n`), since)
    const [, address, port] = await carol.said(/direct path to .* at ([\d.]+):(\d+)/, since)
    t.is(address, outside.east)
    ports.push(port!)
    carol.type(`hello ${name}\n`)
    await caller.said(new RegExp(`: hello ${name}\n`))
    await caller.stop()
    await carol.said(/the other side has ended it/, since)
  }
  t.is(new Set(ports).size, 2)
  const since = carol.output.length
  const sent = homes.ue('east-1', 'alice', '--send', 'carol', join(import.meta.dirname, '../../LICENSE'))
  await carol.said(/push from .*text|application/, since)
  t.is((await sent.ended).code, 0, 'a Push passes them, too')
})

withNats('two hosts of one home talk within it', async (t) => {
  const homes = await Homes.open(t)
  const carol = homes.ue('east-2', 'carol', '--push', '--open', 'always')
  await carol.said(/is registered/)
  const alice = homes.ue('east-1', 'alice', '--talk', 'sip:carol@localhost')
  const [, address] = await alice.said(/direct path to .* at ([\d.]+):\d+/)
  t.is(address, '10.2.0.3')
})
