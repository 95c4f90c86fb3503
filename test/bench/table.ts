/** Results as text: aligned columns for a terminal, or Markdown for README.md beside. */

export type Layout = 'aligned' | 'markdown'

/** Rows under a head, numbers to the right. Cells are text already; a missing one is empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], layout: Layout = 'aligned'): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => isFigure(row[column] ?? '')))
  const pad = (cell: string, column: number): string =>
    right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
  const print = (row: readonly string[]): string => {
    const cells = head.map((_, column) => pad(row[column] ?? '', column))
    return layout === 'markdown' ? `| ${cells.join(' | ')} |` : cells.join('  ').trimEnd()
  }
  const rule = widths.map((width, column) => '-'.repeat(width - (right[column] ? 1 : 0)) + (right[column] ? ':' : ''))
  return [print(head), layout === 'markdown' ? `| ${rule.join(' | ')} |` : undefined, ...rows.map(print)]
    .filter((line) => line !== undefined)
    .join('\n')
}

function isFigure(cell: string): boolean {
  return cell === '' || cell === '-' || /^[<>~]?-?[0-9]/.test(cell)
}

/** As many digits as a measurement of this kind deserves; `-` for what is not known. */
export function figure(value: number | undefined, digits = 0): string {
  if (value === undefined || Number.isNaN(value)) return '-'
  if (!Number.isFinite(value)) return '>1000'
  return value.toFixed(digits)
}
