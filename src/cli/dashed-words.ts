/**
 * Stands before a word that is no option, whatever it begins with. No argument of a program can
 * hold it.
 */
const MARK = '\0'

/**
 * Prepares arguments for yargs, which gives a command nothing of what stands after `--`: there,
 * everything is a word of its own, also if it begins with a dash. `unmarkWords` has to be applied
 * to what yargs makes of them.
 */
export function markWords(args: readonly string[]): string[] {
  const at = args.indexOf('--')
  if (at === 0) return args.slice(1)
  return at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 1).map((word) => MARK + word)]
}

/** Takes the marks away again, in place. */
export function unmarkWords(parsed: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(parsed))
    parsed[name] = Array.isArray(value) ? value.map(unmark) : unmark(value)
}

function unmark(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK) ? value.slice(MARK.length) : value
}
