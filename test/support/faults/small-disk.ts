import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runOk } from '../programs/run.ts'
import type { Workspace } from '../worlds/workspace.ts'

/** A small file system of its own. Only root can make one. */
export interface SmallDisk {
  readonly path: string
  /** Until `free` there is no room. */
  fill(): Promise<void>
  free(): Promise<void>
  /** Until `thaw` nothing can be written. False while somebody writes: then nothing has changed. */
  freeze(): Promise<boolean>
  thaw(): Promise<void>
}

export async function mountSmallDisk(workspace: Workspace, name: string, size: string): Promise<SmallDisk> {
  const path = workspace.path(name)
  await mkdir(path)
  await runOk('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'riastore-test', path])
  workspace.onRemove(async () => void (await runOk('umount', ['-l', path])))
  const filler = join(path, 'filler')
  return {
    path,
    // It ends with an error when there is no room left.
    fill: async () => void (await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=16k'])),
    free: () => rm(filler, { force: true }),
    freeze: async () => (await run('mount', ['-o', 'remount,ro', path])).status === 0,
    thaw: async () => void (await runOk('mount', ['-o', 'remount,rw', path])),
  }
}
