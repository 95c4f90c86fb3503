/** A crowd of UEs that walk about a square in a simulated air, each with a socket of its own. */
import { type Position, type SimulatedAir, simulatedAir } from '../../../elements/air/index.ts'
import { EngineAgent, Ue } from '../../../elements/ue/index.ts'
import type { Clock, HostPort, Ids, Log, Node } from '../../../signalling/index.ts'
import type { Tap } from '../../../signalling/tools.ts'
import { userOf } from '../../network/dialplan.ts'
import { agentNode } from '../../running/agent-node.ts'

interface CrowdOptions {
  readonly names: readonly string[]
  readonly domain: string
  readonly server: HostPort
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Seconds before a UE reports a code again, as the server expects. */
  readonly refresh: number
  readonly tap?: Tap
  /** Somebody came near somebody, or left. */
  readonly onChange: (name: string, came: readonly string[], left: readonly string[]) => void
}

export interface CrowdWalker {
  readonly name: string
  /** Metres east and north of the middle of the square. */
  east: number
  north: number
  near: readonly string[]
}

const middle: Position = { latitude: 52.5219, longitude: 13.4132 } // Berlin, Alexanderplatz
const half = 130 // metres from the middle to the edge
const metresPerDegree = 111_195
const stride = 100 // milliseconds between two steps
const range = { threshold: -77 } // dBm: some 60 m, so that much happens in little time

export class Crowd {
  readonly walkers: readonly CrowdWalker[]
  /** Counts of events so far. */
  readonly counts = { feedback: 0, came: 0, left: 0, reported: 0 }
  private readonly options: CrowdOptions
  private readonly air: SimulatedAir
  private readonly nodes: Node[] = []
  private readonly ues: Ue[] = []
  private readonly goals = new Map<CrowdWalker, { east: number; north: number; speed: number }>()
  private walking = true

  constructor(options: CrowdOptions) {
    this.options = options
    this.air = simulatedAir({ clock: options.clock, period: 500, propagation: range })
    this.walkers = options.names.map((name) => ({ name, east: this.somewhere(), north: this.somewhere(), near: [] }))
  }
  private somewhere(): number {
    return (this.options.ids.fraction() * 2 - 1) * half
  }
  /** Everybody registers, asks for both roles and to be told who is near. Rejects with who could not, and why. */
  async gather(): Promise<void> {
    for (const walker of this.walkers) {
      const { name } = walker
      const ue = await this.equip(name)
      const answer = await ue.agent.register(600)
      if (answer.status !== 200)
        throw new Error(`${name} could not register: ${answer.status} ${answer.warning ?? answer.reason}`)
      const granted = await ue.requestProximity(['discoverable', 'discoverer'])
      if (typeof granted === 'number') throw new Error(`${name} is refused the proximity service: ${granted}`)
      ue.watch({ diff: true }, ({ proximate, came, left }) => {
        walker.near = proximate.map(({ device }) => userOf(device))
        this.counts.feedback++
        this.counts.came += came.length
        this.counts.left += left.length
        if (this.walking && came.length + left.length > 0) this.options.onChange(name, came.map(userOf), left.map(userOf))
      })
    }
    this.step()
  }
  private async equip(name: string): Promise<Ue> {
    const { domain, server, clock, ids, log, tap, refresh } = this.options
    const agent = new EngineAgent({
      identity: `sip:${name}@${domain}`,
      password: `${name}-proxima`,
      proxy: `sip:${server.host}:${server.port};lr`,
    })
    const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
    const node = agentNode(agent.element, { listen, clock, ids, log, tap })
    await node.start()
    this.nodes.push(node)
    const ue = new Ue({
      agent,
      clock,
      air: this.air,
      report: { window: 0.25, refresh },
      onEvent: (event) => {
        if (event.kind === 'reported') this.counts.reported += event.codes
      },
    })
    this.ues.push(ue)
    return ue
  }
  /** One stride of everybody toward where they are going; who has arrived goes somewhere else. */
  private step(): void {
    if (!this.walking) return
    for (const walker of this.walkers) {
      let goal = this.goals.get(walker)
      const [east, north] = [(goal?.east ?? walker.east) - walker.east, (goal?.north ?? walker.north) - walker.north]
      const left = Math.hypot(east, north)
      const metres = ((goal?.speed ?? 0) * stride) / 1000
      if (goal === undefined || left <= metres) {
        goal = { east: this.somewhere(), north: this.somewhere(), speed: 4 + 8 * this.options.ids.fraction() }
        this.goals.set(walker, goal)
      } else {
        walker.east += (east / left) * metres
        walker.north += (north / left) * metres
      }
      this.air.move(`sip:${walker.name}@${this.options.domain}`, placeOf(walker))
    }
    this.options.clock.after(stride, () => this.step())
  }
  /** Everybody leaves; the sockets are closed. */
  async disperse(): Promise<void> {
    this.walking = false
    await Promise.all(this.ues.map((ue) => ue.stop()))
    await new Promise<void>((resolve) => {
      this.options.clock.after(300, resolve) // the last words get their answers
    })
    await Promise.all(this.nodes.map((node) => node.stop(0)))
    this.air.close()
  }
}

function placeOf({ east, north }: CrowdWalker): Position {
  const latitude = middle.latitude + north / metresPerDegree
  return { latitude, longitude: middle.longitude + east / metresPerDegree / Math.cos((latitude * Math.PI) / 180) }
}
