/** sofia-sip's nua, inside a program of ours that is compiled here. Its TLS wants a certificate of the client's own: `proxima cert`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DefaultServer, proxima, Running, run } from '../../support/process.ts'
import { drivenPeer, linesOf } from './driven.ts'
import { type Peer, passwordOf } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

const source = join(import.meta.dirname, '../../support/clients/sofia.c')
const programs = new WeakMap<DefaultServer, Promise<string>>()

async function compiled(server: DefaultServer): Promise<string> {
  const program = join(server.folder, 'sofia')
  const args = ['-O1', '-I/usr/include/sofia-sip-1.12', source, '-o', program, '-lsofia-sip-ua']
  const { code, err } = await run('cc', args)
  if (code !== 0) throw new Error(`sofia.c does not compile:\n${err}`)
  return program
}

/** A folder as it wants one: its certificate with its key, and the certificates that it believes. */
async function certified({ server, user }: Seat): Promise<string> {
  const folder = join(server.folder, user)
  const { code, err } = await proxima('cert', '127.0.0.1', '--out', folder)
  if (code !== 0) throw new Error(`no certificate for sofia: ${err}`)
  const own = ['certificate.pem', 'key.pem'].map((name) => readFileSync(join(folder, name), 'utf8'))
  writeFileSync(join(folder, 'agent.pem'), own.join(''), { mode: 0o600 })
  writeFileSync(join(folder, 'cafile.pem'), readFileSync(join(server.folder, 'certificate.pem')))
  return folder
}

export async function sofiaPeer(seat: Seat): Promise<Peer> {
  const { server, user, transport } = seat
  const compiling = programs.get(server) ?? compiled(server)
  programs.set(server, compiling)
  const own = transport === 'tls' ? [await certified(seat)] : []
  const args = ['--kill-after=5', '1500', await compiling, user, passwordOf(user), serverOf(seat), transport, ...own]
  const process = new Running('timeout', args, { cwd: server.folder })
  server.guests.add(process)
  const stop = async (): Promise<void> => {
    const { code, err } = await process.ended
    if (code !== 0) throw new Error(`sofia ended with ${code}:\n${err}`)
  }
  return drivenPeer({ name: `sofia/${transport}`, user, lines: linesOf(process), stop })
}
