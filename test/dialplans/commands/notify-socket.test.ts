/** Datagrams to a service manager over a real socket of the Unix domain, by each of both ways, and faults that change nothing. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import test from 'ava'
import { NotifySocket } from '../../../dialplans/commands/start/notify-socket.ts'
import { type Log, RealClock } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { sendUnixDatagram } from '../../../signalling/tools.ts'
import { managerSocket, toldTo } from '../../support/manager-socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-notify-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const native = sendUnixDatagram(join(folder, 'nobody'), '') === 'ENOSYS' ? test.skip : test // without a C compiler there is no native module
const isThere = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((place) => existsSync(join(place, command)))
const byProgram = isThere('systemd-notify') ? test : test.skip // a system without systemd: macOS, Alpine

function logged(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const warn = (fields: object, text: string): void => void lines.push(`${text} ${JSON.stringify(fields)}`)
  const nothing = (): void => undefined
  const log: Log = { level: 'warn', trace: nothing, debug: nothing, info: nothing, warn, error: warn, child: () => log }
  return { log, lines }
}
const clock = new RealClock((fault) => {
  throw fault
})

for (const [title, name] of [
  ['a path', join(folder, 'manager')],
  ['an abstract name', `@proxima-test-${process.pid}`],
] as const) {
  native(`by the native module, in order, to ${title}`, async (t) => {
    const manager = await managerSocket(name)
    t.teardown(() => manager.stop())
    const { log, lines } = logged()
    const socket = new NotifySocket({ socket: name, clock, log })
    await Promise.all([socket.notify({ READY: 1, STATUS: 'two\nlines, ümlaut\0' }), socket.notify({ WATCHDOG: 1 })])
    await manager.said(/WATCHDOG/)
    t.deepEqual(toldTo(manager), ['READY=1 | STATUS=two\\u000alines, ümlaut\\u0000', 'WATCHDOG=1'])
    t.deepEqual(lines, [])
  })

  byProgram(`by systemd-notify where there is no native module, in order, to ${title}`, async (t) => {
    const other = `${name}-other`
    const manager = await managerSocket(other)
    t.teardown(() => manager.stop())
    const { log, lines } = logged()
    const socket = new NotifySocket({ socket: other, clock, log, send: () => 'ENOSYS' })
    await Promise.all([socket.notify({ RELOADING: 1, STATUS: 'reads; again' }), socket.notify({ READY: 1 })])
    await manager.said(/READY/)
    const heard = toldTo(manager).filter((line) => !line.startsWith('BARRIER'))
    t.deepEqual(heard, ['RELOADING=1 | STATUS=reads; again', 'READY=1'])
    t.deepEqual(lines, [])
  })
}

native('a manager that is not there, or has no such name, is told of once', async (t) => {
  for (const [name, why] of [
    [join(folder, 'nobody'), 'ENOENT'],
    ['@proxima-test-nobody', 'ECONNREFUSED'],
    [join(folder, 'x'.repeat(200)), 'ENAMETOOLONG'],
  ] as const) {
    const { log, lines } = logged()
    const socket = new NotifySocket({ socket: name, clock, log })
    for (let n = 0; n < 3; n++) await socket.notify({ WATCHDOG: 1 })
    t.is(lines.length, 1)
    t.regex(lines[0]!, new RegExp(`^the service manager cannot be told how we are .*"why":"${why}"`))
  }
  t.throws(() => sendUnixDatagram(7 as unknown as string, 'x'), { instanceOf: TypeError })
})

test('a manager that has no room is tried again', async (t) => {
  const { log, lines } = logged()
  const time = new ManualClock()
  const sent: string[] = []
  let full = 3
  const send = (_: string, text: string): string | undefined => {
    if (full-- > 0) return 'EAGAIN'
    sent.push(text)
    return undefined
  }
  const socket = new NotifySocket({ socket: '/x', clock: time, log, send })
  void socket.notify({ READY: 1 })
  void socket.notify({ WATCHDOG: 1 })
  await time.advance(250)
  t.deepEqual(sent, [])
  await time.advance(50)
  t.deepEqual(sent, ['READY=1', 'WATCHDOG=1'])
  full = Infinity
  void socket.notify({ STOPPING: 1 })
  await time.advance(60_000)
  t.is(lines.length, 1)
  t.regex(lines[0]!, /EAGAIN/)
})

test('whatever a text is, it is sent as one line that the manager reads, and what cannot be sent ends nothing', async (t) => {
  const { log, lines } = logged()
  const sent: string[] = []
  const send = (_: string, text: string): string | undefined => {
    if (text.startsWith('STOPPING')) throw new TypeError('no socket at all')
    sent.push(text)
    return undefined
  }
  const socket = new NotifySocket({ socket: '/x', clock, log, send })
  await socket.notify({ STOPPING: 1 })
  await socket.notify({ STATUS: 'ü'.repeat(5000) })
  await socket.notify({ STATUS: 'READY\nREADY=1' })
  t.true(Buffer.byteLength(sent[0]!) < 4096)
  t.is(sent[1], 'STATUS=READY\\u000aREADY=1')
  t.is(lines.length, 1)
  t.regex(lines[0]!, /no socket at all/)
})

test('without native module and without systemd-notify: one line in the log', async (t) => {
  const { log, lines } = logged()
  const socket = new NotifySocket({ socket: '/x', clock, log, send: () => 'ENOSYS', program: join(folder, 'no-such-program') })
  await socket.notify({ READY: 1 })
  await socket.notify({ WATCHDOG: 1 })
  t.is(lines.length, 1)
  t.regex(lines[0]!, /no native module, and .*no-such-program fails: .*ENOENT/)
})
