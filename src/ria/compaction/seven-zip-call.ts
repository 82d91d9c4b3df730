import { oneLine, StoreError } from '../../core/errors.ts'

interface Files {
  /** Path of the archive, from the directory in which 7z runs. */
  readonly archive: string
  /** A file with the members' names, one a line. */
  readonly list: string
}

/** 7z packs exactly the files that the list names; one that is not there is no error of ours. */
export function addArguments({ archive, list, level }: Files & { readonly level: number }): string[] {
  // No solid blocks: a key is to be read without the others. A plain header: it is searched as it lies there.
  return ['a', ...common(list), `-mx=${level}`, '-ms=off', '-mhc=off', '--', archive]
}

export function removeArguments({ archive, list }: Files): string[] {
  return ['d', ...common(list), '-mhc=off', '--', archive]
}

/** Names are taken as they are (-spd), nothing is asked (-y), a terminal or its width do not matter (-bd). */
function common(list: string): string[] {
  return ['-t7z', '-y', '-bd', '-bso0', '-bsp1', '-spd', '-scsUTF-8', '-sccUTF-8', `-i@${list}`]
}

/** Throws unless 7z did what it was told; files that it did not find or could not open are seen in what it made. */
export function checkEnd(code: number | undefined, said: string, where: string): void {
  if (code === 0 || code === 1) return
  const kind = /no space left|quota|disk full|E_FAIL.*ENOSPC/i.test(said) ? 'full' : 'transient'
  const words = oneLine(said.replace(/[\b\r]/g, '\n')).slice(-300)
  const message = `7z ended ${code === undefined ? 'by a signal' : `with exit code ${code}`}: ${words}`
  throw new StoreError({ kind, op: 'archive', where, message })
}
