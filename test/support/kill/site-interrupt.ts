import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { explain, run, start } from '../programs/run.ts'
import type { SiteScene } from '../worlds/site-scene.ts'
import type { QuickDataset } from './site-failures.ts'

/** `riastore procedure`, or DataLad that runs it. */
export function siteCommand({ repo }: QuickDataset, by: 'riastore' | 'datalad'): readonly [string, readonly string[]] {
  if (by === 'riastore') return ['riastore', ['procedure', 'lab', repo.path]]
  return ['datalad', ['run-procedure', '-d', repo.path, 'cfg_lab']]
}

/**
 * Starts the procedure, sends SIGINT to all of it after so long, as a terminal does, and lets the
 * same command finish. Gives whether it was interrupted.
 */
export async function interruptSite(
  scene: SiteScene,
  dataset: QuickDataset,
  afterMs: number,
  by: 'riastore' | 'datalad' = 'riastore',
): Promise<boolean> {
  const [program, args] = siteCommand(dataset, by)
  const { env } = scene
  const running = start(program, args, { env })
  await sleep(afterMs)
  running.killGroup('SIGINT')
  // All that holds its output has ended then, not only the program itself.
  const stopped = await running.done
  // Before it listens to signals, and after its work, a program ends as every other does.
  const isInterrupted = stopped.status !== 0
  if (by === 'riastore' && isInterrupted) {
    expect(stopped.status === 130 || stopped.signal === 'SIGINT', explain(stopped)).toBe(true)
  }
  const again = await run(program, args, { env })
  expect(again.status, explain(again)).toBe(0)
  return isInterrupted
}
