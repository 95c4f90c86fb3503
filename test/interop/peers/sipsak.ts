/**
 * sipsak: registers and sends. It cannot receive: its message modes (-M, -U -M), the only ones that would, end with a
 * segmentation fault before anything is sent, whatever the server answers (0.9.8 prints the reply that it prepares into
 * `repl_buff`, which it sets to NULL and nowhere else; Debian has no other version).
 * What softphones send it (that they have delivered its messages) is answered by a socket of ours where it registered from,
 * or the server would repeat it for 32 s.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { run } from '../../support/process.ts'
import { type Peer, passwordOf } from './peer.ts'
import type { Seat } from './seat.ts'

export async function sipsakPeer({ server, user }: Seat): Promise<Peer> {
  const own = ['-u', user, '-a', passwordOf(user)]
  const register = async (seconds: number, ...more: readonly string[]): Promise<void> => {
    const args = ['-U', '-i', '-C', `sip:${user}@127.0.0.1:9`, '-x', String(seconds), '-s', `sip:${user}@127.0.0.1:${server.udp}`]
    const { code, out, err } = await run('sipsak', [...args, ...own, ...more, '-v'])
    if (code !== 0) throw new Error(`sipsak could not register (${code}):\n${out}\n${err}`)
  }
  const port = await lastingPort()
  await register(3600, '-S', '-l', String(port)) // from the very port that it names
  await answerAt(port)
  let sent = 0
  return {
    name: 'sipsak/udp',
    user,
    async send(to, text) {
      const file = join(server.folder, `sipsak-${++sent}.sip`)
      const head = [
        `MESSAGE sip:${to}@localhost SIP/2.0`,
        `From: <sip:${user}@localhost>;tag=sak${sent}`,
        `To: <sip:${to}@localhost>`,
        `Call-ID: sipsak-${sent}@127.0.0.1`,
        'CSeq: 1 MESSAGE',
        'Max-Forwards: 70',
        'Content-Type: text/plain',
        `Content-Length: ${Buffer.byteLength(text)}`,
      ]
      writeFileSync(file, `${head.join('\n')}\n\n${text}`)
      const { code, out, err } = await run('sipsak', ['-f', file, '-s', `sip:${to}@127.0.0.1:${server.udp}`, ...own, '-v'])
      if (code !== 0) throw new Error(`sipsak's MESSAGE was not taken (${code}):\n${out}\n${err}`)
    },
    stop: () => register(0),
  }
}

/** 200 to every request, until the process ends: what was under way when sipsak left is answered too. */
async function answerAt(port: number): Promise<void> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1').unref()
  socket.on('message', (bytes, { port: from, address }) => {
    const head = bytes.toString('latin1').split('\r\n\r\n', 1)[0]!.split('\r\n')
    const kept = head.filter((line) => /^(via|from|to|call-id|cseq):/i.test(line))
    const answer = ['SIP/2.0 200 OK', ...kept, 'Content-Length: 0', '', ''].join('\r\n')
    socket.send(Buffer.from(answer.replace(/^To:.*/im, '$&;tag=sak'), 'latin1'), from, address)
  })
  await once(socket, 'listening')
}
