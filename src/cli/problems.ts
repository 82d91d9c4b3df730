import type { Problem } from '../admin/check/problem.ts'
import { printable } from '../core/printable.ts'

/** A problem of a store as JSON has it. */
export function problemAsObject(
  { code, weight, message, sinceMs, dataset, ...more }: Problem,
  aliases: readonly string[],
) {
  return {
    type: 'finding',
    check: code,
    result: weight === 'damage' ? 'unsafe' : 'warning',
    why: message,
    ...(dataset !== undefined && { dataset, aliases }),
    ...more,
    since: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
  }
}

/** The same for people, in several lines. `word`: what it begins with. */
export function problemAsText(problem: Problem, word = problem.weight === 'damage' ? 'DAMAGE' : 'warning'): string {
  const { code, message, path, dataset, key, file, sinceMs, mend } = problem
  const row = (label: string, text: string | undefined) =>
    text === undefined ? [] : [`  ${label.padEnd(8)} ${printable(text)}`]
  const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString().slice(0, 16).replace('T', ' ')
  return [
    printable(`${word} ${code}: ${message}`),
    ...row('file', file),
    ...row('dataset', dataset),
    ...row('key', key),
    ...row('place', path),
    ...row('since', since),
    ...row('mend', mend),
  ].join('\n')
}
