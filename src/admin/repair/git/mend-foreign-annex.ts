import { bufferSource } from '../../../core/source.ts'
import { writeAliasViews } from '../../../git/alias-views.ts'
import { withoutAnnex } from '../../../git/mend/without-annex.ts'
import { StoredRepository } from '../../../git/repository.ts'
import type { Bench } from '../bench.ts'
import type { Mended } from '../repaired.ts'
import { withGitLock } from './git-lock.ts'

const MAX_CONFIG_BYTES = 1024 * 1024

/**
 * Makes the repository of a dataset none of git-annex any more, in which somebody ran git-annex.
 * Its configuration is kept in `quarantine/` as it was. Throws StoreError.
 */
export async function mendForeignAnnex(bench: Bench): Promise<Mended> {
  const { dataset, call } = bench
  const path = dataset.path('config')
  return withGitLock(bench, path, async () => {
    const stat = await dataset.store.stat(path, call)
    const text = (await dataset.findSmall('config', MAX_CONFIG_BYTES, { ...call, ifMatch: stat?.identity }))?.toString()
    const [, uuid] = /^\s*uuid\s*=\s*(\S+)/im.exec(text ?? '') ?? []
    const wanted = text && withoutAnnex(text)
    if (!stat || !wanted || wanted === text) return { outcome: 'mended', how: 'it is gone since it was found' }
    const to = bench.quarantineOf(path)
    const staged = await bench.stageFile(bufferSource(wanted))
    if (!(await bench.putOver({ path, identity: stat.identity }, to, staged))) {
      return { outcome: 'left', how: 'somebody has just changed it' }
    }
    const repository = new StoredRepository(dataset, { gitDir: undefined, shows: false })
    const state = await repository.log.newest(call)
    for (const alias of state.aliases) await writeAliasViews(dataset, alias, state, call)
    return {
      outcome: 'mended',
      how: `it is no repository of git-annex any more (git annex dead ${uuid} in a clone tells all clones); the old config is kept as ${to}`,
    }
  })
}
