/** Net::SIP (Perl), inside a program of ours. */
import { join } from 'node:path'
import { Running } from '../../support/process.ts'
import { drivenPeer, linesOf } from './driven.ts'
import { type Peer, passwordOf } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

const program = join(import.meta.dirname, '../../support/clients/netsip.pl')

export function netSipPeer(seat: Seat): Promise<Peer> {
  const { server, user, transport } = seat
  const args = [program, user, passwordOf(user), serverOf(seat), transport]
  const process = new Running('timeout', ['--kill-after=5', '1500', 'perl', ...args], { cwd: server.folder })
  server.guests.add(process)
  const stop = async (): Promise<void> => {
    const { code, err } = await process.ended
    if (code !== 0) throw new Error(`Net::SIP ended with ${code}:\n${err}`)
  }
  return drivenPeer({ name: `Net::SIP/${transport}`, user, lines: linesOf(process), stop })
}
