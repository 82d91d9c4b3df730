import { posix } from 'node:path'
import { arrows } from './architecture.ts'

/**
 * Draws the rooms of src/ and who imports from whom, as Mermaid (mermaid.js.org, flowchart). An
 * arrow that follows from others is left out, and so is `core`, which every room may import from.
 */
export function drawRooms(sources: ReadonlyMap<string, string>): string {
  const rooms = new Map<string, Set<string>>()
  for (const file of sources.keys()) {
    const [room = '', wing] = posix.dirname(file).split('/')
    const wings = rooms.get(room) ?? new Set()
    if (wing !== undefined) wings.add(wing)
    rooms.set(room, wings)
  }
  const imports = new Map<string, Set<string>>()
  for (const arrow of arrows(sources).keys()) {
    const [from = '', to = ''] = arrow.split(' ').map((folder) => folder.split('/')[0])
    if (from !== to && to !== 'core') imports.set(from, (imports.get(from) ?? new Set()).add(to))
  }
  const boxes = [...rooms].sort().map(([room, wings]) => {
    const names = [...wings].sort()
    return `  ${room}["<b>${room}</b>${names.length > 0 ? `<br/>${inRows(names)}` : ''}"]`
  })
  const lines = [...imports].sort().flatMap(([from, targets]) =>
    [...targets]
      .filter((to) => ![...targets].some((other) => other !== to && isReachable(other, to, imports)))
      .sort()
      .map((to) => `  ${from} --> ${to}`),
  )
  return ['flowchart TD', ...boxes, ...lines].join('\n')
}

function inRows(names: readonly string[]): string {
  const rows = names.flatMap((_name, i) => (i % 4 === 0 ? [names.slice(i, i + 4).join(' · ')] : []))
  return rows.join('<br/>')
}

function isReachable(from: string, to: string, imports: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const next = imports.get(from) ?? new Set()
  return next.has(to) || [...next].some((room) => isReachable(room, to, imports))
}
