import type { JsonObject } from './json-lines.ts'
import { formatSize, formatTime } from './quantities.ts'
import type { Terminal } from './terminal.ts'

/** How far something is. */
export interface Step {
  /** What is being done, to what. */
  readonly label: string
  readonly done: number
  /** 0: not known. */
  readonly total: number
  /** Of both. */
  readonly unit: 'bytes' | 'keys' | 'steps'
}

export interface Progress {
  /** May be called often: only some of it is shown. */
  show(step: Step): void
  /** Takes it away; what comes next begins anew. */
  clear(): void
}

export const noProgress: Progress = { show: () => {}, clear: () => {} }

/** Between two times that it is shown, at least; a terminal shows what is new at once. ms. */
const EVERY_MS = { terminal: 100, lines: 30_000, json: 1_000 } as const

/**
 * Progress as a line that changes on a terminal, as a line every 30 s elsewhere, or as objects.
 * Rate and time left are those since a step with this label was first seen.
 */
export function progressOn(
  terminal: Terminal,
  emit: ((object: JsonObject) => void) | undefined,
  now: () => number = () => performance.now(),
): Progress {
  const everyMs = emit ? EVERY_MS.json : terminal.isTerminal ? EVERY_MS.terminal : EVERY_MS.lines
  let begun: { readonly label: string; readonly at: number; readonly done: number; hasTotal: boolean } | undefined
  let shownAt = terminal.isTerminal ? Number.NEGATIVE_INFINITY : now()
  const clear = () => {
    begun = undefined
    if (!emit && terminal.isTerminal) terminal.showStatus?.(undefined)
  }
  return {
    clear,
    show(step) {
      const at = now()
      const hasTotal = step.total > 0
      const isNew = begun?.label !== step.label || (hasTotal && !begun.hasTotal)
      if (begun?.label !== step.label) begun = { label: step.label, at, done: step.done, hasTotal }
      begun.hasTotal ||= hasTotal
      if (at - shownAt < everyMs && !(isNew && terminal.isTerminal && !emit)) return
      shownAt = at
      const perSecond = (step.done - begun.done) / Math.max((at - begun.at) / 1000, 0.001)
      if (emit) emit(asObject(step, perSecond))
      else if (terminal.isTerminal) terminal.showStatus?.(asLine(step, perSecond, terminal.columns - 1))
      else terminal.note(asLine(step, perSecond, Number.POSITIVE_INFINITY))
    },
  }
}

function asObject({ label, done, total, unit }: Step, perSecond: number): JsonObject {
  const left = secondsLeft(done, total, perSecond)
  return {
    type: 'progress',
    phase: label,
    unit,
    done,
    ...(total > 0 && { total }),
    ...(perSecond > 0 && { perSecond: Math.round(perSecond) }),
    ...(left !== undefined && { secondsLeft: Math.round(left) }),
  }
}

/** What does not fit into so many columns is left away, the label last. */
export function asLine({ label, done, total, unit }: Step, perSecond: number, columns: number): string {
  const amount = (value: number) => (unit === 'bytes' ? formatSize(value) : String(Math.round(value)))
  const left = secondsLeft(done, total, perSecond)
  const parts = [
    ...(total > 0 ? [`${Math.floor((100 * done) / total)}%`] : []),
    ...(unit === 'steps' ? [] : [total > 0 ? `${amount(done)} of ${amount(total)}` : amount(done)]),
    ...(unit === 'bytes' && perSecond > 0 ? [`${formatSize(perSecond)}/s`] : []),
    ...(left === undefined ? [] : [`${formatTime(left)} left`]),
  ]
  while (parts.length > 1 && `${label}  ${parts.join('  ')}`.length > columns) parts.pop()
  const line = [label, ...parts].join('  ')
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
}

/** undefined: nobody knows yet, or it is done. */
function secondsLeft(done: number, total: number, perSecond: number): number | undefined {
  return total > done && perSecond > 0 ? (total - done) / perSecond : undefined
}
