import type { Finding, Outcome } from '../../core/finding.ts'
import { findProgram } from '../../core/process/find-program.ts'
import { programVersion } from '../../core/process/program-version.ts'
import { makerOfRemoteProgram, REMOTE_PROGRAM } from '../../ria/remote-program.ts'
import { parseStoreUrl } from '../../ria/url.ts'
import { factsOf, gitHelperOf } from '../../store/schemes.ts'
import { readProcedureDirectories } from './add.ts'
import type { Site } from './config.ts'
import { findProcedure, procedureName } from './procedure-install.ts'

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
  readonly report: (finding: Finding) => void
}

/**
 * Since then a special remote that is enabled by a clone has to be looked at by its user: git annex
 * verifyremote.
 */
const VERIFYREMOTE_SINCE = 10.20261026

/**
 * Checks what a site needs on this machine: the procedure where DataLad looks, and the programs on
 * PATH.
 */
export async function checkInstallation(site: Site, { signal, report }: CheckOptions): Promise<void> {
  const add = (check: string, [result, why]: Outcome) => report({ check, result, why })
  add('procedure', await procedure(site.name, signal))
  add('git', await programVersion(['git', '--version'], /git version (\S+)/, signal))
  const annex = await programVersion(['git', 'annex', 'version', '--raw'], /^(\S+)/, signal)
  add('git-annex', annex[0] === 'ok' ? withVerifyRemote(annex[1]) : annex)
  const datalad = await programVersion(['datalad', '--version'], /(\d\S*)/, signal)
  add('datalad', datalad[0] === 'ok' ? datalad : ['warning', `${datalad[1]}: datalad create needs it`])
  add(REMOTE_PROGRAM, await remoteProgram(site, signal))
  for (const program of helpersOf(site)) add(program, await helper(program))
  if (/^ria\+s(sh|ftp):/.test(site.store)) add('ssh', await programVersion(['ssh', '-V'], /(OpenSSH\S*)/i, signal))
}

async function procedure(site: string, signal: AbortSignal | undefined): Promise<Outcome> {
  const found = await findProcedure(site, await readProcedureDirectories({ signal }))
  if (found === undefined) {
    return ['failed', `DataLad finds no ${procedureName(site)}: riastore site add ${site} writes it`]
  }
  const { file, isOurs, isExecutable } = found
  if (!isOurs) return ['failed', `${file}, which DataLad finds first, is not from riastore`]
  return isExecutable ? ['ok', file] : ['failed', `${file} is not executable: riastore site add ${site} writes it anew`]
}

function withVerifyRemote(version: string): Outcome {
  const [number] = /^\d+\.\d+/.exec(version) ?? []
  if (number === undefined || Number(number) < VERIFYREMOTE_SINCE) return ['ok', version]
  return [
    'ok',
    `${version}: in each clone, git annex verifyremote <storage sibling> has to be run once before something is pushed`,
  ]
}

/** Programs by which git reaches the store, where it cannot by itself. */
function helpersOf({ store, pushUrl }: Site): readonly string[] {
  const names = [store, pushUrl ?? store].flatMap((url) => gitHelperOf(parseStoreUrl(url).scheme) ?? [])
  return [...new Set(names)]
}

async function helper(name: string): Promise<Outcome> {
  const file = await findProgram(name)
  return file === undefined ? ['failed', missing(name, 'git reaches this store by it')] : ['ok', file]
}

/** DataLad brings a program of the same name, which knows fewer stores. */
async function remoteProgram({ store }: Site, signal: AbortSignal | undefined): Promise<Outcome> {
  const file = await findProgram(REMOTE_PROGRAM)
  if (file === undefined) return ['failed', missing(REMOTE_PROGRAM, 'git-annex moves file content by it')]
  if ((await makerOfRemoteProgram(file, { signal })) === 'riastore') return ['ok', file]
  const isNeeded = !factsOf(parseStoreUrl(store)).stockRemote
  const why = isNeeded ? 'which this store needs' : 'which is faster, and tells the truth about what is absent'
  return [isNeeded ? 'failed' : 'warning', `${file} is not riastore's, ${why}: put riastore's programs first on PATH`]
}

function missing(name: string, why: string): string {
  return `${name} is not on PATH, and ${why}: install riastore for everybody`
}
