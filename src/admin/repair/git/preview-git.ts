import { isStoreError, messageOf } from '../../../core/errors.ts'
import { inTemporaryDirectory } from '../../../core/work-directory.ts'
import { gather } from '../../../git/mend/gather.ts'
import { planMend } from '../../../git/mend/plan.ts'
import { headAfter } from '../../../git/mend/plausible-head.ts'
import { GitError } from '../../../git/objects/git.ts'
import { StoredRepository } from '../../../git/repository.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../../store/store.ts'
import type { Problem } from '../../check/problem.ts'
import type { GoodCopies } from '../good-copies.ts'
import type { Mended } from '../repaired.ts'
import { othersOf, whyNotDropped } from './others.ts'

/** Says what mendGit would do about each problem of a repository, and changes nothing. */
export async function previewGit(
  dataset: StoredDataset,
  sources: readonly GoodCopies[],
  call: CallOptions,
): Promise<(problem: Problem) => Mended> {
  try {
    return await inTemporaryDirectory(async (work) => {
      const state = await new StoredRepository(dataset, { gitDir: undefined, shows: false }).state(call)
      const gathered = await gather(dataset, state, work, call)
      const others = await othersOf(sources, work, call)
      const { broken, missing } = await planMend(gathered, state.refs, others.objects, call)
      const kept = broken.size === 0 ? undefined : await whyNotDropped(dataset, others, call)
      const head = headAfter(state, kept === undefined ? broken : new Map())
      return ({ code, path }) => {
        const isBroken = broken.has(path.slice(dataset.directory.length + 1))
        if (path === dataset.path('HEAD')) return head === undefined ? LEFT : would(`it would point to ${head}`)
        if (kept !== undefined && (isBroken || code !== 'ref-dangling')) return { outcome: 'left', how: kept }
        if (isBroken) return { outcome: 'quarantined', how: 'no source has it: it would go, and its id be kept' }
        const from = missing.length === 0 ? '' : ` once ${missing.length} objects came back ${fromWhere(others.where)}`
        return would(`what is damaged would be kept in quarantine/${from}`)
      }
    })
  } catch (error) {
    if (!(error instanceof GitError || isStoreError(error, 'corrupt', 'missing', 'unsupported'))) throw error
    return () => ({ outcome: 'left', how: messageOf(error) })
  }
}

const LEFT: Mended = { outcome: 'left', how: 'nobody can tell which branch it was: write it by hand' }

function would(how: string): Mended {
  return { outcome: 'mended', how }
}

function fromWhere(where: string): string {
  return where === '' ? 'from what can be read of it' : `out of ${where}`
}
