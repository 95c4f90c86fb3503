/** Log lines about senders who are refused: seldom enough that nobody fills the log, or hides in it. */
import type { Exchange, Host } from '../../signalling/index.ts'

const window = 1000 // milliseconds
const most = 5 // lines of one kind in a window
const longest = 64 // characters of a sender's text

interface RecentRefusals {
  since: number
  lines: number
  /** Not told since the last line. */
  withheld: number
}

export class Refusals {
  private readonly host: Pick<Host, 'clock' | 'log'>
  private readonly recent = new Map<string, RecentRefusals>()

  constructor(host: Pick<Host, 'clock' | 'log'>) {
    this.host = host
  }
  /** `why`: one of a few texts; `user`: as its sender writes it, or as we know it. */
  note({ request, flow }: Exchange, user: string, why: string): void {
    const now = this.host.clock.now()
    const recent = this.recent.get(why) ?? { since: now, lines: 0, withheld: 0 }
    this.recent.set(why, recent)
    if (now - recent.since >= window) {
      recent.since = now
      recent.lines = 0
    }
    if (recent.lines >= most) {
      recent.withheld++
      return
    }
    recent.lines++
    const { withheld } = recent
    recent.withheld = 0
    const { transport, remote } = flow
    const from = `${remote.host} ${remote.port} ${transport}`
    const fields = { user: user.slice(0, longest), from, method: request.method, ...(withheld === 0 ? {} : { withheld }) }
    this.host.log.info(fields, why)
  }
}
