/** Routing by flag bits: CPU of a Push that is handed over by a table of 10, 1,000 and 10,000 servers, and of the look-up alone. */
import { FlagTable } from '../../../elements/shared/identifiers/flag-table.ts'
import { median } from '../figures.ts'
import { domain, OneServer, servedUsers } from './one-server.ts'
import { expectStatus } from './played.ts'
import { atMost, microseconds, type PushMeasure, type PushRow, scaled } from './row.ts'

const sizes = [10, 1000, 10_000] as const
const widths = { operator: 8, server: 16 }
const most = 1.05 // of the cost with the smallest table
const batch = 500
const peer = 'op-b.example'
const lookUps = 1_000_000

/** Servers of one peer, whose flag bits are operator 1 and the number of each. */
function routesOf(size: number): readonly { readonly flags: string; readonly server: string }[] {
  return Array.from({ length: size }, (_, number) => ({ flags: flagsOf(number), server: `sip:push${number}@${peer}` }))
}
function flagsOf(number: number): string {
  return `00000001${number.toString(2).padStart(widths.server, '0')}`
}
function identifierAt(number: number, serial: number): string {
  return Number.parseInt(flagsOf(number), 2).toString(16).padStart(6, '0') + serial.toString(16).padStart(10, '0')
}

async function open(size: number): Promise<OneServer> {
  const peers = [{ domains: [peer], flags: ['00000001'], vouches: [], servers: [...routesOf(size)] }]
  const server = new OneServer({ settings: { widths, peers }, users: [sender], peers: [peer] })
  await server.open()
  return server
}

/** Microseconds of CPU of each Push, to servers in turn that are far from each other in the table. */
async function handOver(server: OneServer, size: number, count: number): Promise<number> {
  let cpu = 0
  for (let at = 0; at < count; at += batch) {
    const requests = Array.from({ length: batch }, (_, i) => {
      const id = identifierAt(((at + i) * 7919) % size, at + i)
      return server.push(sender, `sip:${id}@push.${peer};user=push`, [`Route: <sip:push@${domain};lr>`])
    })
    const outcome = await server.played.exchange(requests)
    expectStatus(outcome.responses, 200)
    cpu += outcome.cpu
  }
  return (cpu * 1000) / count
}

/** Microseconds of each look-up. */
function lookUp(table: FlagTable, ids: readonly string[]): number {
  const before = process.cpuUsage()
  let found = 0
  for (let i = 0; i < lookUps; i++) if (table.serverOf(ids[i % ids.length]!) !== undefined) found++
  const { system, user } = process.cpuUsage(before)
  if (found < lookUps) throw new Error(`${found} of ${lookUps} identifiers have a server`)
  return (system + user) / lookUps
}

const [sender] = servedUsers(1) as [ReturnType<typeof servedUsers>[number]]

export const routing: PushMeasure = {
  name: 'routing',
  about: 'CPU of a hand-over by flag bits with 10, 1,000 and 10,000 servers',
  async run({ rounds, scale }) {
    const count = scaled(5000, scale, batch)
    const servers: OneServer[] = []
    for (const size of sizes) servers.push(await open(size))
    const tables = sizes.map((size) => new FlagTable(routesOf(size)))
    const ids = sizes.map((size) => Array.from({ length: 10_000 }, (_, i) => identifierAt((i * 7919) % size, i)))
    const costs = sizes.map((): number[] => [])
    const lookingUp = sizes.map((): number[] => [])
    for (let round = 0; round <= 3 * rounds; round++) {
      for (const [i, size] of sizes.entries()) {
        const [us, alone] = [await handOver(servers[i]!, size, count), lookUp(tables[i]!, ids[i]!)]
        if (round === 0) continue // compiled by then
        costs[i]!.push(us)
        lookingUp[i]!.push(alone)
      }
    }
    for (const server of servers) await server.close()
    const rows = (what: string, all: readonly number[][], digits: number): readonly PushRow[] => {
      const medians = all.map((values) => median(values))
      return sizes.map((size, i) => {
        const ratio = medians[i]! / medians[0]!
        const judged = i === 0 || digits > 0 ? {} : { target: atMost(ratio, most) }
        const name = `${what}, ${size.toLocaleString('en')} servers`
        return { what: name, figure: microseconds(medians[i]!, digits), ratio, ...judged }
      })
    }
    return [...rows('handed over by flag bits', costs, 0), ...rows('look-up alone', lookingUp, 3)]
  },
}
