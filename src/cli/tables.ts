import Table from 'cli-table3'
import type { Usage } from '../admin/compaction/usage.ts'
import { printable } from '../core/printable.ts'
import { formatSize } from './quantities.ts'

const PLAIN = {
  chars: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  },
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
} as const

/** What a dataset's keys took up before, and take up now. */
export function usageTable(title: string, before: Usage, after: Usage): string {
  const row = (name: string, show: (usage: Usage) => string): string[] => [name, show(before), show(after)]
  return plainTable(
    [title, 'before', 'after'],
    [
      row('loose keys', ({ looseKeys }) => String(looseKeys)),
      row('  their size', ({ looseBytes }) => formatSize(looseBytes)),
      row('archived keys', ({ archivedKeys }) => String(archivedKeys)),
      row('  archive size', ({ archiveBytes }) => formatSize(archiveBytes)),
      // Object stores have none.
      ...(before.inodes === undefined ? [] : [row('inodes', ({ inodes }) => String(inodes))]),
    ],
  )
}

/** The first column is text, the others are numbers. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    ...PLAIN,
    style: { ...PLAIN.style, head: [], border: [] },
    head: head.map(printable),
    colAligns: head.map((_name, i) => (i === 0 ? 'left' : 'right')),
  })
  table.push(...rows.map((row) => row.map(printable)))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n')
}

/** `1 key`, `2 keys`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** Columns of text, each as wide as its longest cell. */
export function textTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(printable))
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
