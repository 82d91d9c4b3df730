/** git-annex's matching options that take a value (git-annex-matching-options). */
const WITH_VALUE = [
  'exclude',
  'include',
  'excludesamecontent',
  'includesamecontent',
  'in',
  'copies',
  'lackingcopies',
  'approxlackingcopies',
  'inbackend',
  'inallgroup',
  'onlyingroup',
  'smallerthan',
  'largerthan',
  'metadata',
  'want-get-by',
  'want-drop-by',
  'accessedwithin',
  'mimetype',
  'mimeencoding',
  'expectedpresent',
  'fullysizebalanced',
]

const ALONE = ['securehash', 'want-get', 'want-drop', 'unlocked', 'locked', 'anything', 'nothing', 'not', 'and', 'or']

const BRACKETS = ['-(', '-)']

export interface SplitArguments {
  /** As they were given, in their order: they are an expression. */
  readonly matching: readonly string[]
  readonly rest: readonly string[]
}

/** Takes git-annex's matching options out of a command line, up to `--`. */
export function splitMatching(args: readonly string[]): SplitArguments {
  const matching: string[] = []
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '--') {
      rest.push(...args.slice(i))
      break
    }
    const [, name = '', equals] = /^--([a-z-]+)(=?)/s.exec(arg) ?? []
    if (BRACKETS.includes(arg) || (ALONE.includes(name) && equals === '')) matching.push(arg)
    else if (WITH_VALUE.includes(name)) {
      matching.push(arg)
      const value = args[i + 1]
      if (equals === '' && value !== undefined) {
        matching.push(value)
        i += 1
      }
    } else rest.push(arg)
  }
  return { matching, rest }
}
