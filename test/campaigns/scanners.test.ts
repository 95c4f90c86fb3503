/**
 * sipvicious, with which the public Internet looks for SIP servers: svmap finds one, svwar finds no user, svcrack no password
 * that it does not guess. All on loopback (-b, -x), answered by the flow and never by their Contact.
 */
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { type DefaultServer, run, startDefaultServer } from '../support/process.ts'

const names = ['alice', 'bob', 'nobody', 'admin', '100', '101', '105']
const passwords = ['1234', 'secret', 'alice', 'password', 'bob-proxima']
/** Registered and known beside those of the default network. */
const users = ['100', '105']

let server: DefaultServer
test.before(async () => {
  server = await startDefaultServer({ users })
  writeFileSync(join(server.folder, 'names.txt'), `${names.join('\n')}\n`)
  writeFileSync(join(server.folder, 'passwords.txt'), `${passwords.join('\n')}\n`)
  writeFileSync(join(server.folder, 'lucky.txt'), `${[...passwords, 'alice-proxima'].join('\n')}\n`)
})
test.after.always(() => server.remove())

/** All that a scanner says. Its home is the server's folder, where it keeps what it learns. */
async function scanner(command: string, port: number, ...args: readonly string[]): Promise<string> {
  const local = ['-b', '127.0.0.1', '-x', '127.0.0.1', '-P', String(await lastingPort()), '-p', String(port)]
  const all = ['40', 'env', `HOME=${server.folder}`, command, ...local, ...args, '127.0.0.1']
  const { out, err } = await run('timeout', all, { cwd: server.folder })
  return `${out}\n${err}`
}

test('svmap finds a server, and not what it is', async (t) => {
  const said = await scanner('svmap', server.udp)
  t.regex(said, new RegExp(`127\\.0\\.0\\.1:${server.udp} *\\| unknown`))
})

for (const method of ['REGISTER', 'OPTIONS', 'INVITE']) {
  for (const force of [[], ['--force']]) {
    test(`svwar finds no user by ${method} ${force}`, async (t) => {
      const said = await scanner('svwar', server.udp, '-m', method, ...force, '-d', 'names.txt')
      t.regex(said, /found nothing/)
      t.notRegex(said, /\| (?:reqauth|noauth|weird)/)
    })
  }
}

test('svcrack learns no password, and not whether there is such a user', async (t) => {
  const [known, unknown] = await Promise.all(
    ['alice', 'nobody'].map((user) => scanner('svcrack', server.udp, '-u', user, '-d', 'passwords.txt')),
  )
  t.regex(known!, /found nothing/)
  t.is(known!.trim(), unknown!.trim())
})

test('the scanners work: a password that is guessed is found, and so is a user whom a server gives away', async (t) => {
  const lucky = scanner('svcrack', server.udp, '-u', 'alice', '-d', 'lucky.txt')
  const betrayed = scanner('svwar', await talkative(t), '-d', 'names.txt')
  t.regex(await lucky, /alice +\| alice-proxima/)
  t.regex(await betrayed, /alice +\| reqauth/)
})

/** A registrar as it should not be: 404 for those whom it does not know. */
function talkative(t: ExecutionContext): Promise<number> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (bytes, { port, address }) => {
    const [start = '', ...lines] = bytes.toString('latin1').split('\r\n\r\n')[0]!.split('\r\n')
    if (start === '') return
    const kept = lines
      .filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line))
      .map((line) => (/^To:/i.test(line) ? `${line};tag=1` : line))
    const known = kept.some((line) => /^To:.*\balice\b/i.test(line))
    const first = known ? 'SIP/2.0 401 Unauthorized' : 'SIP/2.0 404 Not Found'
    const more = known ? ['WWW-Authenticate: Digest realm="x", nonce="y"'] : []
    socket.send([first, ...kept, ...more, 'Content-Length: 0', '', ''].join('\r\n'), port, address)
  })
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket.address().port)))
}
