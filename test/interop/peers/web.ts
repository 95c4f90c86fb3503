/** The two SIP stacks of browsers, in Node over WebSocket. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import type { Client } from '../../support/clients/account.ts'
import { jsSip } from '../../support/clients/jssip.ts'
import { sipJs } from '../../support/clients/sipjs.ts'
import { drivenPeer, Said } from './driven.ts'
import { type Peer, passwordOf } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

/** Both stacks take the WebSocket that is global; this one trusts the server's own certificate. */
function trust(folder: string): void {
  const ca = readFileSync(join(folder, 'certificate.pem'))
  class Trusting extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { ca })
    }
  }
  Object.assign(globalThis, { WebSocket: Trusting })
}

async function webPeer(name: string, client: Client, seat: Seat): Promise<Peer> {
  const { server, user, transport } = seat
  trust(server.folder)
  const said = new Said()
  const type = client({ server: `${transport}://${serverOf(seat)}`, user, password: passwordOf(user) }, (line) => said.say(line))
  const lines = { type, said: (pattern: RegExp, since: number) => said.wait(pattern, since), all: () => said.all }
  const stop = async (): Promise<void> => {
    await said.wait(/^bye-bye$/m, 0)
  }
  return drivenPeer({ name: `${name}/${transport}`, user, lines, stop, publishes: client !== jsSip })
}

export function sipJsPeer(seat: Seat): Promise<Peer> {
  return webPeer('sip.js', sipJs, seat)
}

export function jsSipPeer(seat: Seat): Promise<Peer> {
  return webPeer('JsSIP', jsSip, seat)
}
