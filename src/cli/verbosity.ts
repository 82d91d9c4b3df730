const VARIABLE = 'RIASTORE_DEBUG'

/**
 * With -vv, this process and all that it starts (git, git-annex and our other programs) say what
 * they ask of a store. Returns what takes it back.
 */
export function applyVerbosity(verbose: number | undefined): () => void {
  const before = process.env[VARIABLE]
  if (verbose === undefined || verbose < 2 || before) return () => {}
  process.env[VARIABLE] = '1'
  return () => {
    if (before === undefined) delete process.env[VARIABLE]
    else process.env[VARIABLE] = before
  }
}

/** Takes the lines that tell each request to a store; undefined: nobody wants to know them. */
export function requestLog(): ((line: string) => void) | undefined {
  return process.env[VARIABLE] ? (line) => process.stderr.write(`riastore: ${line}\n`) : undefined
}
