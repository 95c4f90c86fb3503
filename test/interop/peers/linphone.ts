/** linphonec, driven by what a person would type. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { uriOfUser } from '../../support/clients/account.ts'
import { Running } from '../../support/process.ts'
import { literal, type Peer, type Phone, type Presence, passwordOf, timesIn } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

/** Any free port for the transport of the seat, none for the others. */
function settings(seat: Seat): string {
  const { user, transport, watches } = seat
  const port = (own: string): number => (own === transport ? -1 : 0)
  const server = `<sip:${serverOf(seat)};transport=${transport}>`
  return `[sip]
sip_port=${port('udp')}
sip_tcp_port=${port('tcp')}
sip_tls_port=${port('tls')}
default_proxy=0
register_only_when_network_is_up=0
verify_server_certs=0
verify_server_cn=0
media_encryption=none
guess_hostname=0
[proxy_0]
reg_proxy=${server}
reg_route=${server}
reg_identity=sip:${user}@localhost
reg_expires=600
reg_sendregister=1
publish=1
publish_expires=600
[auth_info_0]
username=${user}
passwd=${passwordOf(user)}
realm=localhost
[friend_0]
url="${watches}" <sip:${watches}@localhost>
pol=accept
subscribe=1
[rtp]
audio_rtp_port=-1
`
}

export async function linphonePeer(seat: Seat): Promise<Peer> {
  const { server, user, transport, watches } = seat
  const folder = join(server.folder, user)
  mkdirSync(join(folder, '.local/share/linphone'), { recursive: true })
  writeFileSync(join(folder, 'rc'), settings(seat))
  const args = ['--kill-after=5', '1500', 'linphonec', '-S', '-c', join(folder, 'rc')]
  const process = new Running('timeout', args, { cwd: folder, home: folder })
  server.guests.add(process)
  await process.said(new RegExp(`Friend "${watches}" .* is `)) // it asks once it is registered
  process.type('soundcard use files\n')
  const presence: Presence = {
    watch: async (whom) => {
      if (whom !== watches) throw new Error(`linphonec was told at its start to watch ${watches}, not ${whom}`)
      await process.said(new RegExp(`Friend "${whom}" .* is `))
    },
    sees: async (whom) => {
      await process.said(new RegExp(`Friend "${whom}" .* is Online`))
    },
    publish: async () => undefined, // it did at its start
  }
  return {
    name: `linphonec/${transport}`,
    user,
    async send(to, text) {
      process.type(`chat ${uriOfUser(to)} ${text}\n`)
    },
    got: async (text) => {
      await process.said(new RegExp(`Message received from .*${literal(text)}`))
    },
    times: (text) => timesIn(process.output, new RegExp(`Message received from .*${literal(text)}`, 'g')),
    presence,
    phone: phoneOf(process),
    async stop() {
      process.type('quit\n')
      await process.ended
    },
  }
}

function phoneOf(process: Running): Phone {
  let since = 0 // of the call that is talked about
  const said = async (pattern: RegExp): Promise<void> => {
    await process.said(pattern, since)
  }
  return {
    async call(to) {
      since = process.output.length
      process.type(`call sip:${to}@localhost\n`)
      await said(/Call \d+ to \S+ ringing/)
    },
    async called() {
      const { index, 0: text } = await process.said(/Receiving new incoming call from/, since)
      since += index + text.length
    },
    answer: () => process.type('answer\n'),
    talking: () => said(/Call \d+ with \S+ connected/),
    hangUp: () => process.type('terminate\n'),
    cancel: () => process.type('terminate\n'),
    over: () => said(/Call \d+ with \S+ ended/),
    cancelled: () => said(/Call \d+ with \S+ (ended|error)/),
  }
}
