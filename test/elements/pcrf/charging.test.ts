/** Charging (SPEC §6.2): each chargeable event recorded once, whatever is lost on the way or killed; and the proof of it. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { audit, type ChargingAudit } from '../../../dialplans/commands/charging/audit.ts'
import { granted, hears, isNear, watching } from '../../../dialplans/flows/stage/cast.ts'
import type { Scenario } from '../../../dialplans/flows/stage/flow.ts'
import { type StageOptions, StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { Journal } from '../../../elements/pcrf/journal.ts'
import { fileOf } from '../../../elements/pcrf/records.ts'
import type { Charge } from '../../../elements/schemas/index.ts'
import { silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'

const folders: string[] = []
test.after.always(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-charging-'))
  folders.push(folder)
  return folder
}
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))

function planOf(file: string) {
  const loaded = loadDialplan(new URL(`../../../dialplans/${file}`, import.meta.url).pathname)
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  return loaded.value
}
const split = planOf('direct.yaml')

const scenario = (records: string): Scenario => ({
  name: 'charged',
  settings: { prose: { charge: true }, pcrf: { records } },
  async run(stage) {
    const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
    const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
    const notifications = await watching(stage, alice, {})
    await hears(stage, alice, bob)
    await stage.until('bob came', () => isNear(notifications.near(), 'bob'))
    stage.expect('alice asks once too', Array.isArray(await stage.during(alice.who())))
  },
})

/** Plays it with the PCRF in another node than the proximity server, and lets the records come in. */
async function play(options: Omit<StageOptions, 'dialplan' | 'mode'> = {}): Promise<{ audit: ChargingAudit; datagrams: number }> {
  const folder = scratch()
  const played = scenario(folder)
  const stage = new StageSet({ dialplan: split, mode: 'virtual', ...options }, played)
  try {
    await stage.open()
    await played.run(stage)
    await stage.pass(40)
    return { audit: audit(filesIn(folder)), datagrams: stage.datagrams } // what follows ends the service, which is feedback too
  } finally {
    await stage.close()
  }
}

/** Event -> how often, of one subscriber. */
function counts({ sums }: ChargingAudit, subscriber: string): { readonly [event: string]: number } {
  const own = sums.filter((sum) => sum.subscriber === `sip:${subscriber}@localhost`)
  return Object.fromEntries(own.map(({ event, count }) => [event, count]))
}

test('each datagram between the nodes lost once: every event is recorded, each once', async (t) => {
  const { datagrams } = await play()
  t.true(datagrams > 40, `${datagrams} datagrams`)
  for (let lost = -1; lost < datagrams; lost++) {
    let count = 0
    const { audit: found } = await play({ fate: () => (count++ === lost ? [] : [1]) })
    const what = `datagram ${lost} lost`
    t.deepEqual(found.faults, [], what)
    t.deepEqual(counts(found, 'bob'), { allocation: 1 }, what)
    t.deepEqual(counts(found, 'alice'), { feedback: 3 }, what)
    t.deepEqual([found.first, found.last, found.voids], [1, 4, 0], what)
  }
})

test('datagrams that come late and twice are recorded once', async (t) => {
  const { audit: found } = await play({ fate: () => [1, 30, 700] })
  t.deepEqual(found.faults, [])
  t.deepEqual([counts(found, 'bob'), counts(found, 'alice')], [{ allocation: 1 }, { feedback: 3 }])
})

// ---- the journal

const clock = (): ManualClock => new ManualClock(Date.UTC(2026, 10, 22, 23, 59))
const charges = (from: number, to: number): Charge[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    number: from + i,
    at: '2026-11-22T23:59:00.000Z',
    event: 'feedback',
    service: 'proximity',
    device: 'sip:alice@localhost',
  }))
function journal(folder: string, time = clock()): Journal {
  const opened = new Journal(folder, time, silent)
  opened.open(undefined)
  return opened
}

test('what an element sends again is passed over, in the same process and in the next', (t) => {
  const folder = scratch()
  const first = journal(folder)
  t.is(first.append('prose/a', charges(1, 3)), 3)
  t.is(first.append('prose/a', charges(1, 5)), 2)
  t.is(first.append('push/b', charges(1, 2)), 2, 'each source has numbers of its own')
  first.close()
  const next = journal(folder)
  t.is(next.append('prose/a', charges(4, 6)), 1)
  t.is(next.append('push/b', charges(1, 2)), 0)
  next.close()
  const found = audit(filesIn(folder))
  t.deepEqual([found.records, found.first, found.last, found.faults], [8, 1, 8, []])
})

test('a last line that was cut off anywhere is taken away, and what it said comes again', (t) => {
  const whole = scratch()
  const written = journal(whole)
  written.append('prose/a', charges(1, 2))
  written.close()
  const [file] = filesIn(whole)
  const bytes = readFileSync(file!)
  const second = bytes.indexOf(10) + 1
  for (let cut = second; cut <= bytes.length; cut++) {
    const folder = scratch()
    writeFileSync(join(folder, fileOf(clock().date())), bytes.subarray(0, cut))
    const next = journal(folder)
    t.is(next.append('prose/a', charges(1, 3)), cut === bytes.length ? 1 : 2, `cut at ${cut}`)
    next.close()
    const found = audit(filesIn(folder))
    t.deepEqual([found.records, found.faults, found.unfinished], [3, [], []], `cut at ${cut}`)
  }
})

test('each day has a file, numbers go on, and a clock set back stays in the newest', async (t) => {
  const folder = scratch()
  const time = clock()
  const days = journal(folder, time)
  days.append('prose/a', charges(1, 2))
  await time.advance(120_000)
  days.append('prose/a', charges(3, 4))
  days.close()
  t.deepEqual(readdirSync(folder).sort(), ['charging-2026-11-22.jsonl', 'charging-2026-11-23.jsonl'])
  const back = journal(folder, clock())
  back.append('prose/a', charges(5, 5))
  const known = back.checkpoint()
  back.close()
  t.is(known.file, 'charging-2026-11-23.jsonl')
  const after = new Journal(folder, time, silent)
  after.open(known)
  t.is(after.append('prose/a', charges(1, 6)), 1)
  after.close()
  const found = audit(filesIn(folder).toReversed())
  t.deepEqual([found.records, found.last, found.faults], [6, 6, []])
})

test('a file that somebody moves or removes while it is written is begun again, where the numbers were', (t) => {
  const folder = scratch()
  const some = journal(folder)
  some.append('prose/a', charges(1, 3))
  const [file] = filesIn(folder)
  renameSync(file!, join(folder, 'charging-2026-11-21.jsonl'))
  t.is(some.append('prose/a', charges(4, 5)), 2)
  t.deepEqual(audit(filesIn(folder)).faults, [])
  t.is(audit(filesIn(folder)).records, 5, 'none of them went where nobody looks')
  rmSync(file!)
  some.append('prose/a', charges(6, 6))
  t.is(audit([file!]).records, 1)
  some.close()
})

test('gaps, doubles and lines that are none are found where they are', (t) => {
  const folder = scratch()
  const some = journal(folder)
  some.append('prose/a', charges(1, 6))
  some.close()
  const [file] = filesIn(folder)
  const lines = readFileSync(file!, 'utf8').trim().split('\n')
  const found = (changed: readonly string[]): readonly string[] => {
    writeFileSync(file!, changed.map((line) => `${line}\n`).join(''))
    return audit([file!]).faults.map(({ line, text }) => `${line} ${text}`)
  }
  t.deepEqual(found(lines), [])
  t.deepEqual(found(lines.toSpliced(2, 1)), ['3 record 3 is missing', '3 prose/a: event 3 is missing'])
  t.deepEqual(found(lines.toSpliced(2, 2)), ['3 record 3 to 4 are missing', '3 prose/a: event 3 to 4 are missing'])
  const doubled = found(lines.toSpliced(3, 0, lines[2]!))
  t.true(doubled.every((text) => /^4 .* 3 comes after 3: it is there twice/.test(text)) && doubled.length === 2)
  const other = (seq: number, number: number): string =>
    lines[0]!.replace('"seq":1', `"seq":${seq}`).replace('"number":1', `"number":${number}`)
  t.deepEqual(found([...lines, other(7, 6)]), ['7 prose/a: event 6 comes after 6: it is there twice, or out of order'])
  t.deepEqual(found([...lines, '{"seq":7}', other(7, 7)]), ['7 is no charging record'])
  appendFileSync(file!, '{"seq":8,"at"')
  t.deepEqual(
    audit([file!]).unfinished.map(({ line }) => line),
    [9],
  )
})
