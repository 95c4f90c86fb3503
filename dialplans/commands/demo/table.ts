/** A table of UEs and those near them, drawn for a terminal. */
import type { CrowdWalker } from './crowd.ts'

/** Lines of at most `width` characters: a line a walker, with its place and the devices it has been told of. */
export function demoTable(walkers: readonly CrowdWalker[], seconds: number, width: number): readonly string[] {
  const longest = Math.max(...walkers.map(({ name }) => name.length))
  const pairs = walkers.reduce((sum, { near }) => sum + near.length, 0)
  const lines = [`Alexanderplatz, after ${seconds} s: ${walkers.length} UEs, ${pairs} times somebody is near somebody`, '']
  for (const { name, east, north, near } of walkers) {
    const place = `${distance(east, 'E', 'W')} ${distance(north, 'N', 'S')}`
    lines.push(`${name.padEnd(longest)}  ${place}  ${near.length === 0 ? '·' : [...near].sort().join(' ')}`)
  }
  return lines.map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line))
}

function distance(metres: number, ahead: string, behind: string): string {
  return `${String(Math.round(Math.abs(metres))).padStart(3)} m ${metres < 0 ? behind : ahead}`
}
