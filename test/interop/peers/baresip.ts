/** baresip, driven by what a person would type. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Running } from '../../support/process.ts'
import { literal, type Peer, type Phone, type Presence, passwordOf, timesIn } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

const config = `poll_method epoll
sip_listen 127.0.0.1:0
sip_verify_server no
net_interface 127.0.0.1
audio_player aubridge,none
audio_source aubridge,none
audio_alert aubridge,none
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module aubridge.so
module_app account.so
module_app contact.so
module_app menu.so
module_app presence.so
`

export async function baresipPeer(seat: Seat): Promise<Peer> {
  const { server, user, transport, watches, others } = seat
  const folder = join(server.folder, user)
  mkdirSync(folder)
  writeFileSync(join(folder, 'config'), config)
  const outbound = `sip:${serverOf(seat)};transport=${transport}`
  const account = `<sip:${user}@${serverOf(seat)};transport=${transport}>;auth_user=${user};auth_pass=${passwordOf(user)}`
  writeFileSync(join(folder, 'accounts'), `${account};regint=60;pubint=600;outbound="${outbound}"\n`)
  // It writes and listens to people in its address book only.
  const contacts = others.map((other) => {
    const here = `sip:${other}@127.0.0.1:${server[transport]};transport=${transport}`
    const uri = `<${other.includes('@') ? `sip:${other}` : here}>`
    return `"${other}" ${uri}${other === watches ? ';presence=p2p' : ''}\n`
  })
  writeFileSync(join(folder, 'contacts'), contacts.join(''))

  const process = new Running('timeout', ['--kill-after=5', '1500', 'baresip', '-f', folder], { cwd: folder })
  server.guests.add(process)
  await process.said(/200 OK \(\) \[\d+ bindings?\]/)

  /** Turns the pages of the address book until it lies open at that person. */
  async function turnTo(other: string): Promise<void> {
    for (const key of [...others.map(() => 'contact_prev'), ...others.map(() => 'contact_next')]) {
      const since = process.output.length
      process.type(`/${key}\n`)
      const [, now] = await process.said(/Current contact: (\S+)/, since)
      if (now === other) return
    }
    throw new Error(`baresip has no ${other} in its address book:\n${process.output}`)
  }
  const presence: Presence = {
    watch: async (whom) => {
      if (whom !== watches) throw new Error(`baresip was told at its start to watch ${watches}, not ${whom}`)
      // it asked at its start, and says nothing until there is something new
    },
    sees: async (whom) => {
      await process.said(new RegExp(`sip:${whom}@.* changed status from .* to (.*)Online`))
    },
    publish: async () => undefined, // it did at its start
  }
  return {
    name: `baresip/${transport}`,
    user,
    async send(to, text) {
      await turnTo(to)
      process.type(`/message ${text}\n`)
    },
    got: async (text) => {
      await process.said(new RegExp(`: "${literal(text)}"`))
    },
    times: (text) => timesIn(process.output, new RegExp(`: "${literal(text)}"`, 'g')),
    presence,
    phone: phoneOf(process, seat),
    async stop() {
      process.type('/quit\n')
      await process.said(/ua: stop all/)
      await process.stop()
    },
  }
}

function phoneOf(process: Running, { server, transport }: Seat): Phone {
  let since = 0 // of the call that is talked about
  const said = async (pattern: RegExp): Promise<void> => {
    await process.said(pattern, since)
  }
  return {
    async call(to) {
      since = process.output.length
      process.type(`/dial sip:${to}@127.0.0.1:${server[transport]}\n`)
      await said(/SIP Progress: 180/)
    },
    async called() {
      const { index, 0: text } = await process.said(/Incoming call from/, since)
      since += index + text.length
    },
    answer: () => process.type('/accept\n'),
    talking: () => said(/Call established/),
    hangUp: () => process.type('/hangup\n'),
    cancel: () => process.type('/hangup\n'),
    over: () => said(/session closed|terminate call|terminated/),
    cancelled: () => said(/session closed|terminate call|terminated|Cancelled/),
  }
}
