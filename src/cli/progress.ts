import { Presets, SingleBar } from 'cli-progress'
import { printable } from '../core/printable.ts'

/** Shows how far something is. */
export interface ProgressBar {
  /** `total` 0: not known yet. */
  show(label: string, done: number, total: number): void
  /** Takes the bar away. */
  clear(): void
}

export const noBar: ProgressBar = { show: () => {}, clear: () => {} }

/** `seconds` is a text where the library cannot tell. */
function timeLeft(seconds: unknown): string {
  if (typeof seconds !== 'number' || seconds === 0) return ''
  if (seconds < 60) return `${seconds} s left`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`
}

/** A bar on stderr, that goes when it is done. */
export function terminalBar(): ProgressBar {
  let bar: SingleBar | undefined
  let label = ''
  const clear = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    clear,
    show(newLabel, done, total) {
      if (newLabel !== label) clear()
      label = newLabel
      if (total === 0) return
      if (bar === undefined) {
        bar = new SingleBar(
          {
            format: '{label} {bar} {percentage}% {eta_formatted}',
            formatTime: timeLeft,
            stream: process.stderr,
            clearOnComplete: true,
            hideCursor: true,
            barsize: 20,
          },
          Presets.shades_grey,
        )
        bar.start(total, done, { label: printable(label) })
      } else {
        bar.update(done)
      }
    },
  }
}
