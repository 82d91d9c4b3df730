import type { RefState } from '../refs/ref-state.ts'

/**
 * The branch that HEAD most likely pointed to: the only one, or `main`, or `master`; undefined
 * where nobody can tell. Branches of git-annex are no one's.
 */
function plausibleHead(refs: ReadonlyMap<string, string>): string | undefined {
  const branches = [...refs.keys()].filter((name) => /^refs\/heads\/(?!git-annex$|synced\/|adjusted\/)/.test(name))
  const usual = branches.filter((name) => /^refs\/heads\/(main|master)$/.test(name))
  const [head, ...others] = usual.length > 0 ? usual : branches
  return others.length === 0 ? head : undefined
}

/**
 * What HEAD should point to when some refs are gone; undefined where it is right, or nobody can
 * tell.
 */
export function headAfter(
  { head, refs }: Pick<RefState, 'head' | 'refs'>,
  gone: ReadonlyMap<string, string>,
): string | undefined {
  const left = new Map([...refs].filter(([name]) => !gone.has(name)))
  if (left.size === 0 || (head !== undefined && left.has(head))) return undefined
  return plausibleHead(left)
}
