/**
 * Groups of unit tests that share a worker of ava. A worker of its own costs each file 0.8 s of CPU, mostly to load the engine.
 * Files that open sockets have a group apart: what computes in virtual time would starve what waits in real time.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const groups = 3 // so that two cores finish at about the same time
const realTime = /\bRealClock\b|from 'node:(?:net|dgram|http|tls|child_process)'/
const folders = ['signalling', 'elements', 'dialplans', 'conformance', 'bench']

/** Loads one third of the unit tests in virtual time, taken in turn by name; `group` counts from 1. */
export async function loadGroup(group: number): Promise<void> {
  const tests = unitTests().filter((file) => !opensSockets(file))
  for (const file of tests.filter((_, place) => place % groups === group - 1)) await import(file)
}

/** Loads the unit tests that open sockets. */
export async function loadSocketGroup(): Promise<void> {
  for (const file of unitTests().filter((one) => opensSockets(one))) await import(file)
}

function unitTests(): readonly string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(root, folder, file)),
  )
  return files.filter((file) => file.endsWith('.test.ts')).sort()
}

/** Whether this file, or one of the tests' own that it imports, needs the time of day. */
function opensSockets(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false
  seen.add(file)
  const source = readFileSync(file, 'utf8')
  if (realTime.test(source)) return true
  const imported = [...source.matchAll(/^import (?!type)[^'"]*'(\.[^']+\.ts)'/gm)].map(([, path]) => join(dirname(file), path!))
  return imported.some((path) => path.startsWith(root) && existsSync(path) && opensSockets(path, seen))
}
