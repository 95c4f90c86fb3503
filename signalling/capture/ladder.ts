/** Sequence diagrams of captured messages: plain text for a terminal, and Mermaid. */
import { type Arrow, arrowsOf, type LadderOptions } from './arrows.ts'
import type { TappedMessage } from './tap.ts'

export type { LadderOptions } from './arrows.ts'

const timeWidth = 10
const narrowest = 14 // columns between two lifelines
const headRoom = 4 // an arrow's line keeps `──` before its label and `─>` behind it

/** Lines of at most `width` characters where the participants allow it; ends without a line feed. */
export function ladder(messages: readonly TappedMessage[], options: LadderOptions = {}): string {
  const { participants, arrows } = arrowsOf(messages, options)
  if (participants.length === 0) return ''
  const width = options.width ?? 120
  const columns = columnsFor(participants, arrows, width)
  const lines = [...heads(participants, columns), lifelines(columns)]
  for (const arrow of arrows) lines.push(...drawn(arrow, columns, width))
  lines.push(lifelines(columns))
  return lines.map((line) => line.trimEnd()).join('\n')
}

/** Columns of the lifelines: as far apart as the labels between neighbours ask, squeezed evenly where that is too wide. */
function columnsFor(participants: readonly string[], arrows: readonly Arrow[], width: number): number[] {
  const gaps = participants.slice(1).map((name, i) => Math.max(narrowest, (name.length + participants[i]!.length) / 2 + 2))
  const least = gaps.map(Math.ceil)
  const wanted = [...least]
  const byspan = arrows.toSorted((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from))
  for (const { from, to, label } of byspan) {
    const [first, end] = [Math.min(from, to), Math.max(from, to)]
    const missing = label.length + headRoom + 1 - wanted.slice(first, end).reduce((sum, gap) => sum + gap, 0)
    if (missing <= 0 || first === end) continue
    for (let i = first; i < end; i++) wanted[i]! += Math.ceil(missing / (end - first))
  }
  const start = timeWidth + Math.ceil(participants[0]!.length / 2)
  const room = width - start - Math.ceil(participants.at(-1)!.length / 2) - 1
  const total = wanted.reduce((sum, gap) => sum + gap, 0)
  const leastTotal = least.reduce((sum, gap) => sum + gap, 0)
  // room that labels ask beyond the least is granted in proportion
  const share = total <= room ? 1 : Math.max(0, (room - leastTotal) / Math.max(1, total - leastTotal))
  const columns = [start]
  for (const [i, gap] of wanted.entries()) columns.push(columns[i]! + Math.floor(least[i]! + (gap - least[i]!) * share))
  return columns
}

function heads(participants: readonly string[], columns: readonly number[]): string[] {
  let line = ''
  for (const [i, name] of participants.entries()) {
    const start = Math.max(columns[i]! - Math.floor(name.length / 2), line.length === 0 ? 0 : line.length + 1)
    line = line.padEnd(start) + name
  }
  return [line]
}

function lifelines(columns: readonly number[], length = columns.at(-1)! + 1): string {
  const line = Array<string>(length).fill(' ')
  for (const column of columns) line[column] = '│'
  return line.join('')
}
function over(line: string, at: number, text: string): string {
  return line.slice(0, at).padEnd(at) + text + line.slice(at + text.length)
}

/** One arrow: its label on the line, or wrapped above it where it is too long for the span. */
function drawn(arrow: Arrow, columns: readonly number[], width: number): string[] {
  const time = `${arrow.seconds.toFixed(3).padStart(timeWidth - 3)}  `
  if (arrow.from === arrow.to) {
    const at = columns[arrow.from]!
    const left = at + arrow.label.length + 4 > width ? at - arrow.label.length - 3 : at + 1
    return [over(over(lifelines(columns), 0, time), left, left > at ? `↩ ${arrow.label}` : `${arrow.label} ↪`)]
  }
  const forward = arrow.to > arrow.from
  const left = columns[forward ? arrow.from : arrow.to]! + 1
  const span = columns[forward ? arrow.to : arrow.from]! - left
  const shaft = (label: string): string => {
    const inside = label === '' ? '' : ` ${label} `
    const before = Math.max(1, Math.floor((span - 1 - inside.length) / 2))
    const line = `${'─'.repeat(before)}${inside}`.padEnd(span - 1, '─').slice(0, span - 1)
    return forward ? `${line}>` : `<${line}`
  }
  if (arrow.label.length + headRoom <= span) return [over(over(lifelines(columns), 0, time), left, shaft(arrow.label))]
  const words = wrapped(arrow.label, span - 2)
  const lines = words.map((text) => over(lifelines(columns), left, ` ${text} `.padEnd(span)))
  lines.push(over(lifelines(columns), left, shaft('')))
  return lines.map((line, i) => (i === 0 ? over(line, 0, time) : line))
}

function wrapped(label: string, room: number): string[] {
  const lines: string[] = []
  for (const word of label.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word.length <= room ? word : `${word.slice(0, Math.max(1, room - 1))}…`)
  }
  return lines
}

/** A Mermaid `sequenceDiagram`; requests solid, responses dashed, time in seconds before each label. */
export function mermaid(messages: readonly TappedMessage[], options: LadderOptions = {}): string {
  const { participants, arrows } = arrowsOf(messages, options)
  const lines = ['sequenceDiagram']
  for (const [i, name] of participants.entries()) lines.push(`  participant p${i} as ${escaped(name)}`)
  for (const { from, to, label, seconds, response } of arrows) {
    lines.push(`  p${from}${response ? '-->>' : '->>'}p${to}: ${seconds.toFixed(3)} ${escaped(label)}`)
  }
  return lines.join('\n')
}
/** `;` and `#` end or begin things in Mermaid. */
function escaped(text: string): string {
  return text.replace(/[#;]/g, (mark) => (mark === '#' ? '#35;' : '#59;'))
}
