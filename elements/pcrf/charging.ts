/** Charging at the PCRF (SPEC §6.2): chargeable events are recorded, and only then acknowledged. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { readBody } from '../schemas/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Journal, type JournalCheckpoint } from './journal.ts'

export class Charging {
  private readonly host: Host
  private readonly journal: Journal
  private readonly checkpointKey: string

  /** @param folder of the records; undefined: none are kept */
  constructor(host: Host, folder: string | undefined) {
    this.host = host
    this.journal = new Journal(folder, host.clock, host.log)
    this.checkpointKey = `pcrf/${keyPart(host.name)}/journal`
  }

  /** Goes on behind the last record. Throws the fault of the operating system. */
  async open(): Promise<void> {
    this.journal.open((await this.host.store.get(this.checkpointKey))?.value as JournalCheckpoint | undefined)
    this.host.gauge('records', () => this.journal.records)
  }

  close(): void {
    this.journal.close()
  }

  /** Answers a `charging-event`. */
  handle(exchange: Exchange): void | Promise<void> {
    const { host, journal } = this
    const body = readBody(exchange.request, 'charging-event')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { source, events } = body.value
    let added: number
    try {
      added = journal.append(source, events)
    } catch (fault) {
      host.log.error({ fault: String(fault) }, 'charging records cannot be written')
      return exchange.reply(503, {
        headers: [['Retry-After', '5']],
        warning: 'charging records cannot be written now: tell this again later',
      })
    }
    host.count('charging_records', added)
    if (added < events.length) host.count('charging_repeats', events.length - added)
    if (host.store.durability !== 'power') return this.recorded(exchange)
    return journal.sync().then(
      () => this.recorded(exchange),
      (fault: unknown) => {
        host.log.error({ fault: String(fault) }, 'charging records are not known to be on the disk')
        exchange.reply(503, { headers: [['Retry-After', '5']] })
      },
    )
  }

  private recorded(exchange: Exchange): void {
    exchange.reply(200)
    // not waited for: it only shortens the reading at the next start
    this.host.store.write([{ key: this.checkpointKey, value: this.journal.checkpoint() }]).catch((fault: unknown) => {
      this.host.log.error({ fault: String(fault) }, 'the store failed; the next start reads more of the charging records')
    })
  }
}
