/** Words to a service manager: ready, reloading and stopping as they come, and signs of life only while there is life. */
import test from 'ava'
import type { ServiceState } from '../../../dialplans/commands/start/notify-socket.ts'
import { type ServiceEnvironment, ServiceManager } from '../../../dialplans/commands/start/service-manager.ts'
import { silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { systemMicroseconds } from '../../../signalling/tools.ts'

const asked: ServiceEnvironment = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '10000000', WATCHDOG_PID: '77' }

function managed(environment: ServiceEnvironment) {
  const clock = new ManualClock()
  const sent: ServiceState[] = []
  const manager = new ServiceManager({
    environment,
    processes: [77, 76],
    clock,
    log: silent,
    notify: (notification) => void sent.push(notification),
  })
  const life = { status: 'lab listens', answers: async (): Promise<unknown> => undefined }
  const ready = (): void => manager.ready({ answers: () => life.answers(), status: () => life.status })
  /** What was told since it was asked last. */
  const news = (): readonly ServiceState[] => sent.splice(0)
  return { clock, manager, life, ready, news }
}

test('ready once, then a sign of life at half of the time that the watchdog waits', async (t) => {
  const { clock, ready, news } = managed(asked)
  ready()
  t.deepEqual(news(), [{ READY: 1, STATUS: 'lab listens' }])
  await clock.advance(4999)
  t.deepEqual(news(), [])
  await clock.advance(1)
  t.deepEqual(news(), [{ WATCHDOG: 1 }])
  await clock.advance(50_000)
  t.is(news().length, 10)
})

test('no sign of life while a store does not answer', async (t) => {
  const { clock, ready, life, news } = managed(asked)
  let answer: (() => void) | undefined
  life.answers = () => new Promise<void>((resolve) => (answer = resolve))
  ready()
  news()
  await clock.advance(60_000)
  t.deepEqual(news(), [])
  life.answers = async () => undefined
  answer!()
  await clock.settle()
  t.deepEqual(news(), [{ WATCHDOG: 1 }])
  await clock.advance(5000)
  t.deepEqual(news(), [{ WATCHDOG: 1 }])
})

test('a store that fails has answered, and the status says so once', async (t) => {
  const { clock, ready, life, news } = managed(asked)
  ready()
  news()
  life.status = 'lab cannot store: its disk is full'
  life.answers = () => Promise.reject(new Error('full'))
  await clock.advance(10_000)
  t.deepEqual(news(), [{ WATCHDOG: 1, STATUS: 'lab cannot store: its disk is full' }, { WATCHDOG: 1 }])
})

test('a dialplan that is read again: what became of it, and ready in any case', async (t) => {
  const { clock, manager, ready, news } = managed(asked)
  ready()
  news()
  manager.reloading()
  const [reloading] = news()
  t.is(reloading!['RELOADING'], 1)
  const since = systemMicroseconds() - BigInt(reloading!['MONOTONIC_USEC']!)
  t.true(since >= 0n && since < 3_600_000_000n)
  manager.reloaded(undefined)
  t.deepEqual(news(), [{ READY: 1, STATUS: 'lab listens' }])
  manager.reloaded('dialplan not taken: plan.yaml:3: …')
  t.deepEqual(news(), [{ READY: 1, STATUS: 'lab listens; dialplan not taken: plan.yaml:3: …' }])
  await clock.advance(5000)
  t.deepEqual(news(), [{ WATCHDOG: 1 }]) // the status stays
})

test('stopping is told once, and no sign of life after it', async (t) => {
  const { clock, manager, life, ready, news } = managed(asked)
  let answer: (() => void) | undefined
  life.answers = () => new Promise<void>((resolve) => (answer = resolve))
  ready()
  await clock.advance(5000)
  news()
  manager.stopping()
  t.like(news(), [{ STOPPING: 1 }])
  answer!()
  await clock.advance(60_000)
  t.deepEqual(news(), [])
})

test('without a watchdog, or with one for another process, only what changes is told', async (t) => {
  const { WATCHDOG_USEC: _, ...without } = asked
  for (const environment of [without, { ...asked, WATCHDOG_PID: '78' }, { ...asked, WATCHDOG_USEC: '0' }]) {
    const { clock, ready, life, news } = managed(environment)
    ready()
    await clock.advance(60_000)
    t.deepEqual(news(), [{ READY: 1, STATUS: 'lab listens' }])
    life.status = 'lab cannot store'
    await clock.advance(60_000)
    t.deepEqual(news(), [{ STATUS: 'lab cannot store' }])
  }
  const launched = managed({ ...asked, WATCHDOG_PID: '76' }) // the launcher before it
  launched.ready()
  await launched.clock.advance(5000)
  t.deepEqual(launched.news().at(-1), { WATCHDOG: 1 })
})

test('without a service manager nothing happens, and no timer runs', (t) => {
  for (const socket of [undefined, '']) {
    const { clock, manager, ready, news } = managed({ ...asked, NOTIFY_SOCKET: socket })
    ready()
    manager.reloading()
    manager.reloaded('a fault')
    manager.stopping()
    t.deepEqual(news(), [])
    t.is(clock.nextDue, undefined)
  }
})
