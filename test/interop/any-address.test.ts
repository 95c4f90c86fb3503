/** A node that listens on all addresses of this machine, as a user starts it for softphones of a network: what it calls itself. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { program, Running, run } from '../support/process.ts'
import { judge, tshark } from '../support/tshark.ts'

const shipped = join(import.meta.dirname, '../../dialplans/default.yaml')

/** An address of this machine by which it would be reached from outside; its own otherwise. Nothing leaves the machine. */
function addressOf(family: 'IPv4' | 'IPv6'): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const outer = all.find((each) => each.family === family && !each.internal && !each.address.startsWith('fe80'))
  return outer?.address ?? '127.0.0.1'
}

for (const udp of ['native', 'dgram']) {
  test(`peers by UDP (${udp}), TCP and WebSocket come back to a node that listens on any address`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'proxima-any-'))
    const [plan, trace] = [join(folder, 'plan.yaml'), join(folder, 'trace.pcapng')]
    writeFileSync(plan, readFileSync(shipped, 'utf8').replace(/(password: \w+)-proxima/g, '$1-secret'))
    const listen = ['udp://0.0.0.0:0', 'tcp://[::]:0', 'ws://0.0.0.0:0'].flatMap((each) => ['--listen', each])
    const options = ['--no-http', '--data', 'memory', '--log-level', 'warn', '--trace', trace, '--udp', udp]
    const node = new Running(process.execPath, [program, 'start', plan, ...listen, ...options], { cwd: folder })
    t.teardown(async () => {
      await node.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    await node.said(/^ready/m)
    const port = (transport: string): string => new RegExp(`${transport}://[^ ]*:(\\d+)`).exec(node.out)![1]!
    const [v4, v6] = [addressOf('IPv4'), addressOf('IPv6')]
    const bracketed = v6.includes(':') ? `[${v6}]` : v6
    const ue = async (user: string, transport: string, host: string): Promise<void> => {
      const server = ['--server', `${host}:${port(transport)}`, '--transport', transport, '--password', `${user}-secret`]
      // it refreshes nothing in this time, but unsubscribes within its dialogs before it unregisters
      const args = [program, 'ue', user, ...server, '--discoverable', '--near', '--air', 'none']
      const running = new Running(process.execPath, args)
      await running.said(/announcing [\s\S]*nobody is near/)
      running.signal('SIGTERM')
      const { code, out, err } = await running.ended
      t.is(code, 0, `${user} by ${transport} to ${host}: ${err}`)
      t.regex(out, /unregistered/, `${user} by ${transport} to ${host}`)
    }
    await Promise.all([
      ue('alice', 'udp', v4),
      ue('bob', 'tcp', bracketed),
      ue('carol', 'ws', v4),
      ue('dave', 'udp', '127.0.0.1'),
    ])
    const sipsak = ['-U', '-C', `sip:alice@${v4}:9`, '-u', 'alice', '-a', 'alice-secret', '-x', '60', '-s', 'sip:alice@localhost']
    t.is((await run('sipsak', [...sipsak, '-p', `${v4}:${port('udp')}`])).code, 0)
    await node.stop()
    const { sip, complaints } = await judge(trace)
    t.true(sip > 50)
    t.deepEqual(complaints, [])
    const whole = (await tshark(trace, '-Y', 'sip', '-V')).filter((line) => /0\.0\.0\.0|\[::\]|::ffff/.test(line))
    t.deepEqual(whole, [], 'nothing that was written has an address that nobody can send to')
    const recorded = (await tshark(trace, '-Y', 'sip.Record-Route', '-T', 'fields', '-e', 'sip.Record-Route')).join('\n')
    for (const [host, transport] of [
      [v4, 'udp'],
      [bracketed, 'tcp'],
      [v4, 'ws'],
      ['127.0.0.1', 'udp'],
    ] as const)
      t.true(recorded.includes(`@${host}:${port(transport)}`), `Record-Route at ${host} by ${transport}`)
  })
}
