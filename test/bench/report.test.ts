/** The parts of the benchmark that do not measure: its arithmetic, its readers and its tables. */
import test from 'ava'
import { largestRate, median } from './figures.ts'
import { lossless } from './measure.ts'
import { byFile, selfTimes } from './profile.ts'
import { readStatistics } from './sipp.ts'
import { figure, table } from './table.ts'
import { targetOf } from './targets.ts'

test('the median of odd, even and no values, whatever their order', (t) => {
  t.is(median([5, 1, 3]), 3)
  t.is(median([4, 1, 3, 2]), 2.5)
  t.is(median([7]), 7)
  t.is(median([Number.NaN, 2]), 2)
  t.true(Number.isNaN(median([])))
})

/** A server that loses above `capacity`; what was tried is remembered. */
function server(capacity: number): { tried: number[]; lossless: (rate: number) => Promise<boolean> } {
  const tried: number[] = []
  const lossless = async (rate: number): Promise<boolean> => {
    tried.push(rate)
    return rate <= capacity
  }
  return { tried, lossless }
}

test('the search grows, then halves', async (t) => {
  const one = server(3000)
  t.is(await largestRate({ start: 1000, factor: 2 }, one.lossless), 3000)
  t.deepEqual(one.tried, [1000, 2000, 4000, 3000, 3500])
})

test('the search shrinks where the first rate is too much', async (t) => {
  const one = server(300)
  t.is(await largestRate({ start: 1000, factor: 2, halvings: 1 }, one.lossless), 250)
  t.deepEqual(one.tried, [1000, 500, 250, 375])
})

test('the search ends where nothing is ever lost, and where everything is', async (t) => {
  t.is(await largestRate({ start: 100, factor: 2, reach: 4 }, server(Infinity).lossless), 800)
  t.is(await largestRate({ start: 100, factor: 2, reach: 4 }, server(0).lossless), 0)
})

test('lossless means all of it, in time, hardly anything sent again', (t) => {
  const good = { offered: 3000, done: 3000, retransmissions: 3, seconds: 3 }
  t.true(lossless(good, 1000))
  t.false(lossless({ ...good, done: 2999 }, 1000))
  t.false(lossless({ ...good, retransmissions: 4 }, 1000))
  t.false(lossless({ ...good, seconds: 4 }, 1000))
})

test('the last line of what sipp writes is read, response times as upper bounds', (t) => {
  const head =
    'StartTime;CurrentTime;TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);GenericCounter1(C);' +
    'ResponseTimeRepartition1;ResponseTimeRepartition1_<1;ResponseTimeRepartition1_<5;ResponseTimeRepartition1_>=5;'
  const early = '2026-01-01\t00:00:00.000000\t100.5;2026-01-01\t00:00:01.000000\t101.5;1;1;0;0;0;;1;0;0;'
  const late = '2026-01-01\t00:00:00.000000\t100.5;2026-01-01\t00:00:02.000000\t102.5;100;97;3;2;7;;60;38;2;'
  t.deepEqual(readStatistics(`${head}\n${early}\n${late}\n`), {
    started: 100,
    succeeded: 97,
    failed: 3,
    retransmissions: 2,
    counted: 7,
    seconds: 2,
    p50: 1,
    p99: Infinity,
  })
})

test('sipp that wrote no figures yet has done nothing', (t) => {
  const { succeeded, seconds, p50 } = readStatistics('StartTime;CurrentTime;SuccessfulCall(C)\n')
  t.deepEqual({ succeeded, seconds, p50 }, { succeeded: 0, seconds: 0, p50: undefined })
})

const node = (id: number, functionName: string, url: string, lineNumber: number) => ({
  id,
  callFrame: { functionName, url, lineNumber },
})
const profile = {
  nodes: [
    node(1, '(idle)', '', -1),
    node(2, 'scan', 'file:///somewhere/main/signalling/messages/scan.ts', 9),
    node(3, '', 'file:///somewhere/main/signalling/transports/udp.ts', 4),
    node(4, 'scan', 'file:///somewhere/main/signalling/messages/scan.ts', 9), // called from elsewhere
    node(5, '(garbage collector)', '', -1),
  ],
  startTime: 1000,
  samples: [1, 2, 3, 4, 5, 1],
  timeDeltas: [0, 100, 10, 30, 50, 10],
}

test('self time is summed by function over the tree, without idle time', (t) => {
  // scan 10 + 50, the anonymous one 30, the collector 10: a sample lasts until the next
  t.deepEqual(selfTimes(profile), [
    { name: 'scan', place: 'signalling/messages/scan.ts:10', us: 60, share: 0.6 },
    { name: '(anonymous)', place: 'signalling/transports/udp.ts:5', us: 30, share: 0.3 },
    { name: '(garbage collector)', place: '', us: 10, share: 0.1 },
  ])
  t.deepEqual(byFile(selfTimes(profile))[0], { file: 'signalling/messages/scan.ts', share: 0.6 })
})

test('only samples of the span count', (t) => {
  const times = selfTimes(profile, { from: 1105, to: 1120 }) // the third sample, at 1110
  t.deepEqual(
    times.map(({ name, us }) => [name, us]),
    [['(anonymous)', 30]],
  )
})

test('columns are aligned, figures to the right', (t) => {
  const rows = [
    ['register', '9.5', '<5'],
    ['message', '110.0'],
  ]
  t.is(table(['workload', 'us', 'p50'], rows), ['workload     us  p50', 'register    9.5   <5', 'message   110.0'].join('\n'))
  t.is(
    table(['workload', 'us'], rows, 'markdown'),
    ['| workload |    us |', '| -------- | ----: |', '| register |   9.5 |', '| message  | 110.0 |'].join('\n'),
  )
})

test('figures have the digits asked for, and say what they do not know', (t) => {
  t.is(figure(1.234, 2), '1.23')
  t.is(figure(undefined), '-')
  t.is(figure(Number.NaN), '-')
  t.is(figure(Infinity), '>1000')
})

test('targets hold at their rate, or at any', (t) => {
  t.is(targetOf('message', 12_000).ratio, 1)
  t.is(targetOf('register', 6000).durableRatio, 0.5)
  t.is(targetOf('register', 500).ratio, undefined)
  t.is(targetOf('message').maximum, 1.5)
  t.is(targetOf('fanout', 4000).ratio, 0.9)
})
