import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Problem, ProblemCode } from '../check/problem.ts'
import { openArchive } from '../inventory/count-keys.ts'
import { NOT_ALL_BACK, whyWhole } from './archive/mend-archive.ts'
import { examineKey } from './examine.ts'
import { isOfGit } from './git/mend-git.ts'
import { previewGit } from './git/preview-git.ts'
import type { GoodCopies } from './good-copies.ts'
import { NO_GOOD_COPY } from './mend-key.ts'
import { ifUnreadable, isMendable } from './repair-dataset.ts'
import { left } from './repair-store.ts'
import type { Mended, TellRepaired } from './repaired.ts'
import { whyKept } from './why-kept.ts'

const WOULD: Partial<Record<ProblemCode, string>> = {
  'alias-double': 'it would not count it as its own any more',
  'archive-member': 'the key would be put where it belongs if it is good; else it would be kept in quarantine/',
  'foreign-annex': 'it would be no repository of git-annex any more; its config would be kept in quarantine/',
  'key-misplaced': 'it would be put where it belongs if it is good, else into quarantine/',
  leftover: 'it would be removed, or kept in quarantine/ where it is not certainly ours',
  lock: 'it would be taken over, and given up',
  mode: 'they would be given the mode that they should have',
  views: 'what others see would be written anew',
}

/** Says what repairDataset would do, and changes nothing. Throws StoreError. */
export async function previewRepair(
  dataset: StoredDataset,
  problems: readonly Problem[],
  tell: TellRepaired,
  { sources = [], ...call }: CallOptions & { readonly sources?: readonly GoodCopies[] | undefined } = {},
): Promise<void> {
  const { readOnly, dataset: layout } = await readLayout(dataset, call)
  let git: Promise<(problem: Problem) => Mended> | undefined
  for (const problem of problems) {
    const { code, key } = problem
    const how = WOULD[code]
    if (readOnly !== undefined) tell({ problem, outcome: 'left', how: `nothing is changed here: ${readOnly}` })
    else if (code === 'archive-damaged') tell({ problem, ...(await previewArchive(dataset, sources, call)) })
    else if (!isMendable(code)) tell({ problem, ...left(problem) })
    else if (isOfGit(code)) {
      git ??= previewGit(dataset, sources, call)
      tell({ problem, ...(await git)(problem) })
    } else if (how !== undefined || key === undefined) tell({ problem, outcome: 'mended', how: how ?? '' })
    else tell({ problem, ...(await previewKey(dataset, key, layout.version, sources, call)) })
  }
}

async function previewArchive(
  dataset: StoredDataset,
  sources: readonly GoodCopies[],
  call: CallOptions,
): Promise<Mended> {
  const why = await whyWhole(dataset, call)
  if (why !== undefined) return why
  const kept = sources.length === 0 ? await whyKept(dataset, NOT_ALL_BACK, call) : undefined
  if (kept !== undefined) return kept
  const places = sources.map(({ where }) => where).join(', ') || 'no place that --from names'
  const how = `keys that git-annex has on record here would come back from archives beside it and from ${places}; it would be kept in quarantine/`
  return { outcome: sources.length === 0 ? 'quarantined' : 'mended', how }
}

async function previewKey(
  dataset: StoredDataset,
  key: string,
  version: string,
  sources: readonly GoodCopies[],
  call: CallOptions,
): Promise<Mended> {
  const archive = await openArchive(dataset, call).catch(ifUnreadable)
  const seen = await examineKey(dataset, key, { version, archive }, call).finally(() => archive?.close())
  if ('outcome' in seen) return seen
  if (seen.ownGood !== undefined) return { outcome: 'mended', how: 'another copy in the dataset is good' }
  for (const source of sources) {
    const isThere = (await source.find(key, call)) !== undefined
    if (isThere) return { outcome: 'mended', how: `${source.where} has it; it would be read before it counts` }
  }
  const kept = await whyKept(dataset, NO_GOOD_COPY, call)
  return kept ?? { outcome: 'quarantined', how: `${NO_GOOD_COPY}; what is damaged would be kept in quarantine/` }
}
