/** Take-up of what an earlier process left (`npm run bench -- take-up`): CPU and memory of a start with many subscriptions. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { createHss } from '../../elements/hss/index.ts'
import { createProxy } from '../../elements/proxy/index.ts'
import {
  compilePlan,
  createNode,
  type Element,
  type EventPackage,
  type Notifier,
  openLmdb,
  RealClock,
  randomIds,
  type StoreWrite,
  silent,
} from '../../signalling/index.ts'
import { ownLiveMemory } from './heap.ts'

const page = 1000

/** An element with one event package, which has a state at once. */
class StateElement implements Element {
  readonly name = 'state'
  readonly claims = [{ method: ['SUBSCRIBE'] }]
  readonly packages: readonly EventPackage[] = [
    {
      name: 'state',
      types: ['application/json'],
      expires: { usual: 3600, max: 7200 },
      render: (state, { type }) => ({ type, content: JSON.stringify(state) }),
    },
  ]
  handle(): void {}
  restored(notifier: Notifier): void {
    notifier.notify({ of: notifier.resource })
  }
}

/** A record as an earlier process would have left it. */
function recordOf(number: number, expires: number): StoreWrite {
  const tag = `tag${number}`
  const uri = `sip:watcher${number}@localhost`
  const value = {
    package: 'state',
    resource: `sip:user${number % 1000}@localhost`,
    subscriber: uri,
    event: 'state',
    type: 'application/json',
    callId: `call-${number}@192.0.2.1`,
    localUri: `<sip:user${number % 1000}@localhost>`,
    localTag: tag,
    remoteUri: `<${uri}>;tag=from${number}`,
    remoteTag: `from${number}`,
    remoteTarget: `sip:watcher${number}@127.0.0.1:9`,
    routeSet: [],
    remoteSeq: 1,
    ceiling: 1000,
    epoch: 0,
    expires,
  }
  return { key: `subscriptions/state/${tag}`, value, expires: expires + 3_600_000 }
}

/** A binding as an earlier process would have left it. */
function bindingOf(number: number, expires: number): StoreWrite {
  const user = `user${number}`
  const contact = `sip:${user}@192.0.2.1:5060`
  const value = { contact, echo: `<${contact}>`, q: 1, callId: `reg-${number}`, cseq: 2, expires, flow: 'UDP|192.0.2.1:5060|0' }
  const key = `bindings/proxy/${encodeURIComponent(`sip:${user}@localhost`)}/${encodeURIComponent(contact)}`
  return { key, value, expires: expires + 3_600_000 }
}

export function takeUpCommand(): Command {
  return new Command('take-up')
    .description('a start with what an earlier process left: CPU until it serves, and memory')
    .option('--subscriptions <number>', 'at an element with one event package', '100000')
    .option('--bindings <number>', 'at a proxy, in a run of its own', '1000000')
    .action(async ({ subscriptions, bindings }: { readonly subscriptions: string; readonly bindings: string }) => {
      await takeUp('subscriptions', Number(subscriptions), recordOf, [new StateElement()])
      await takeUp('bindings', Number(bindings), bindingOf, [createProxy('proxy', {}), createHss('hss', { open: true })])
    })
}

type RecordMaker = (number: number, expires: number) => StoreWrite

async function takeUp(what: string, count: number, record: RecordMaker, elements: readonly Element[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'take-up-'))
  const clock = new RealClock((fault) => console.error(fault))
  try {
    const store = await openLmdb({ folder, clock, log: silent, durability: 'process' })
    for (let from = 0; from < count; from += page) {
      const expires = clock.date() + 3_600_000
      await store.write(Array.from({ length: Math.min(page, count - from) }, (_, i) => record(from + i, expires + i)))
    }
    const claims = new Map(elements.map((element) => [element.name, element.claims]))
    const { plan } = compilePlan({ domains: ['localhost'], elements: claims, ownAddresses: [] })
    const node = createNode({
      ...{ name: 'take-up', plan: plan!, elements, domains: ['localhost'], trusted: [], store, clock },
      ...{ ids: randomIds(), log: silent, listen: [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] },
    })
    const held = ownLiveMemory()
    const [before, memory] = [process.cpuUsage(), process.memoryUsage().rss]
    await node.start()
    const { user, system } = process.cpuUsage(before)
    const rss = process.memoryUsage().rss
    const seconds = ((user + system) / 1e6).toFixed(2)
    const each = ((ownLiveMemory() - held) / count).toFixed(0)
    const sizes = `${mebibytes(memory)} -> ${mebibytes(rss)} MiB, ${each} live bytes each`
    console.log(`${count} ${what}: ${seconds} s of CPU until served, ${sizes}`)
    await node.stop(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}
