/**
 * Where the programs are that a procedure runs, so that a batch job without them on PATH finds
 * them.
 */
export interface ProcedurePrograms {
  /** The node that runs us. */
  readonly node: string
  /** Our program, to be run by node. */
  readonly program: string
  /**
   * Where git-annex-remote-ora and the others lie under their own names; empty where that is not
   * known.
   */
  readonly directory: string
}

/** Stands in each procedure that we wrote. */
const MARK = '# A procedure of riastore for DataLad'

/**
 * The text of a procedure. DataLad runs it with the path of a dataset and more arguments. It takes
 * the site from the name of its file, `cfg_<site>`, and leaves all else to `riastore procedure`.
 * Without `programs`, which is how procedures/cfg_riastore is, it looks beside itself.
 */
export function procedureScript(programs?: ProcedurePrograms | undefined): string {
  return `#!/bin/sh
${MARK}: its name is cfg_<site>, and \`riastore procedure <site>\` does the work.
node=${quoted(programs?.node ?? 'node')}
program=${programs === undefined ? `"\${0%/*}/../dist/riastore.js"` : quoted(programs.program)}
programs=${quoted(programs?.directory ?? '')}
site=\${0##*/cfg_}
if ! command -v riastore >/dev/null 2>&1; then
  # A batch job, say. git-annex looks for our programs on PATH, too.
  if [ -n "$programs" ]; then PATH="$programs:\${node%/*}:$PATH" && export PATH; fi
fi
if [ -f "$program" ] && command -v "$node" >/dev/null 2>&1; then
  exec "$node" "$program" procedure "$site" "$@"
fi
if command -v riastore >/dev/null 2>&1; then
  exec riastore procedure "$site" "$@"
fi
echo "\${0##*/}: neither $program nor riastore on PATH: install riastore, then run riastore site add $site again" >&2
exit 127
`
}

/** Whether a file is a procedure that we wrote, of whatever version. */
export function isOurProcedure(text: string): boolean {
  return text.includes(MARK)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
