import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ourselves } from '../../../src/core/process/owner.ts'

/** No process has this number. */
export const DEAD = 2 ** 22 + 7

export interface DeadRun {
  readonly pid?: number
  readonly host?: string
  /** Of the start of the machine that it ran under. Default: of this one. */
  readonly boot?: string
  /** Of the directory. */
  readonly mode?: number
}

/**
 * Leaves below `.git/annex` what a `riastore get` leaves that is killed: its work directory, with
 * these files in it. Returns where that is.
 */
export function leaveDeadRun(
  annexDirectory: string,
  files: Readonly<Record<string, string>>,
  { pid = DEAD, host = hostname(), boot, mode = 0o700 }: DeadRun = {},
): string {
  const name = `${host}-${pid}-0123456789ab`
  const path = join(annexDirectory, 'riastore', name)
  mkdirSync(join(path, 'keys'), { recursive: true, mode: 0o700 })
  const owner = { ...ourselves(), host, pid, directory: name, ...(boot !== undefined && { boot }) }
  writeFileSync(join(path, 'owner.json'), JSON.stringify(owner))
  chmodSync(path, mode)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content, { mode: 0o444 })
  return path
}
