/** What names a locale for the characters of names, the first that is set (POSIX, setlocale). */
const VARIABLES = ['LC_ALL', 'LC_CTYPE', 'LANG'] as const

/**
 * Where no locale is set, as under cron, or that of C is, programs that are started from now on
 * take names for UTF-8 (C.UTF-8, which is C in all else). git-annex 10.20261026 leaves out of a
 * name on its command line whatever is not ASCII there. Python does the same for its own children
 * (PEP 538). Returns what takes it back.
 */
export function takeNamesForUtf8(env: NodeJS.ProcessEnv): () => void {
  const [variable = 'LC_CTYPE'] = VARIABLES.filter((name) => env[name])
  const before = env[variable]
  if (before && before !== 'C' && before !== 'POSIX') return () => {}
  env[variable] = 'C.UTF-8'
  return () => {
    if (before === undefined) delete env[variable]
    else env[variable] = before
  }
}
