import { bufferSource } from '../../../core/source.ts'
import { isObjectId, isRefName } from '../../../git/refs/ref-state.ts'
import { readText } from '../../../git/refs/views.ts'
import type { Bench } from '../bench.ts'
import { withGitLock } from './git-lock.ts'

/**
 * Takes refs away that git keeps, each only if it still says what it said; what was there is kept
 * in `quarantine/`. Gives those that are gone. Throws StoreError.
 */
export async function dropRefs(bench: Bench, refs: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
  const gone = new Set<string>()
  for (const [name, id] of refs) {
    const { path } = await dropPacked(bench, name, id)
    const isGone = await setAsideIf(bench, path, (text) => text.trim() === id)
    if (isGone) gone.add(name)
    if (isGone) await setAsideIf(bench, bench.dataset.path(`logs/${name}`), () => true)
  }
  return gone
}

/** Takes the files of refs away that say no object, and that git cannot read. Gives their paths. */
export async function dropUnreadable(bench: Bench): Promise<readonly string[]> {
  const { dataset, call } = bench
  const paths: string[] = []
  for await (const { path } of dataset.store.list(dataset.path('refs'), call)) paths.push(path)
  const gone: string[] = []
  for (const path of paths) {
    if (!isRefName(path.slice(dataset.directory.length + 1))) continue
    const text = await readText(dataset.store, path, call)
    if (text === undefined || isObjectId(text.trim()) || text.startsWith('ref: ')) continue
    if (await setAsideIf(bench, path, (now) => now === text)) gone.push(path)
  }
  return gone
}

/** The first: while the file is there, nobody sees the line. */
async function dropPacked(bench: Bench, name: string, id: string): Promise<{ readonly path: string }> {
  const { dataset, call } = bench
  const path = dataset.path('packed-refs')
  const text = await readText(dataset.store, path, call)
  const line = `${id} ${name}\n`
  if (text?.includes(line)) {
    await withGitLock(bench, path, async () => {
      const stat = await dataset.store.stat(path, call)
      const now = (await readText(dataset.store, path, call)) ?? ''
      const lines = now.split(/(?<=\n)/)
      const at = lines.indexOf(line)
      if (stat === undefined || at < 0) return
      lines.splice(at, lines[at + 1]?.startsWith('^') ? 2 : 1)
      const staged = await bench.stageFile(bufferSource(lines.join('')))
      await bench.putOver({ path, identity: stat.identity }, bench.quarantineOf(path), staged)
    })
  }
  return { path: dataset.path(name) }
}

/** True when nothing is there afterwards. */
async function setAsideIf(bench: Bench, path: string, isIt: (text: string) => boolean): Promise<boolean> {
  const { dataset, call } = bench
  if ((await dataset.store.stat(path, call)) === undefined) return true
  return withGitLock(bench, path, async () => {
    const stat = await dataset.store.stat(path, call)
    if (stat === undefined) return true
    if (!isIt((await readText(dataset.store, path, call)) ?? '')) return false
    return bench.takeAway({ path, identity: stat.identity }, bench.quarantineOf(path))
  })
}
