/** baresip, driven by what a person would type. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NodeProcess, Running } from '../../support/process.ts'
import { literal, type Peer, passwordOf } from './peer.ts'

const config = `poll_method epoll
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module stdio.so
module_app account.so
module_app contact.so
module_app menu.so
`

/** `friends`: users whom it may write to; it writes to people in its address book only. */
export async function baresipPeer(node: NodeProcess, transport: 'udp' | 'tcp', friends: readonly string[]): Promise<Peer> {
  const user = `baresip-${transport}`
  const port = transport === 'udp' ? node.udp : node.tcp
  const folder = join(node.folder, user)
  mkdirSync(folder)
  writeFileSync(join(folder, 'config'), config)
  const server = `sip:127.0.0.1:${port};transport=${transport}`
  const account = `<sip:${user}@127.0.0.1:${port};transport=${transport}>;auth_user=${user};auth_pass=${passwordOf(user)};regint=60`
  writeFileSync(join(folder, 'accounts'), `${account};outbound="${server}"\n`)
  const contacts = friends.map((friend) => `"${friend}" <sip:${friend}@127.0.0.1:${port};transport=${transport}>\n`)
  writeFileSync(join(folder, 'contacts'), contacts.join(''))

  const process = new Running('timeout', ['--kill-after=5', '150', 'baresip', '-f', folder], { cwd: folder })
  node.guests.add(process)
  await process.said(/200 OK \(\) \[1 binding\]/)

  /** Turns the pages of the address book until it lies open at that friend. */
  async function turnTo(friend: string): Promise<void> {
    for (const key of [...friends.map(() => 'contact_prev'), ...friends.map(() => 'contact_next')]) {
      const since = process.output.length
      process.type(`/${key}\n`)
      const [, now] = await process.said(/Current contact: (\S+)/, since)
      if (now === friend) return
    }
    throw new Error(`baresip has no ${friend} in its address book:\n${process.output}`)
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
    async stop() {
      process.type('/quit\n')
      await process.said(/ua: stop all/)
      await process.stop()
    },
  }
}
