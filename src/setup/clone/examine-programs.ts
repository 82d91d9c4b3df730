import { dirname, join } from 'node:path'
import type { Finding, Outcome } from '../../core/finding.ts'
import { findProgram, programsOnPath } from '../../core/process/find-program.ts'
import { runProcess } from '../../core/process/process.ts'
import { programVersion } from '../../core/process/program-version.ts'
import { decode } from '../../core/text.ts'
import { makerOfRemoteProgram, REMOTE_PROGRAM, type RemoteProgramMaker } from '../../ria/remote-program.ts'
import { gitHelperOf, SCHEMES, type Scheme } from '../../store/schemes.ts'
import { shellWord } from './shell-word.ts'

/** It only prints what it was given. ms. */
const PATH_MS = 10_000

export interface ProgramsOptions {
  readonly signal?: AbortSignal | undefined
  readonly report: (finding: Finding) => void
  /** Schemes of the stores that the clone uses. */
  readonly schemes: readonly Scheme[]
}

/** A program that git-annex may run for a storage sibling. */
export interface FoundRemoteProgram {
  readonly file: string
  readonly maker: RemoteProgramMaker
  /** Of the program that lies beside it; empty where that is not known. */
  readonly version: string
}

/** Looks which programs git-annex, git and DataLad run here, and which versions they have. */
export async function examinePrograms({ signal, report, schemes }: ProgramsOptions): Promise<void> {
  const add = (check: string, [result, why, mend]: Outcome) => report({ check, result, why, mend })
  const needsSsh = schemes.some((scheme) => scheme === 'ssh' || scheme === 'sftp')
  const [git, annex, datalad, ssh, path] = await Promise.all([
    programVersion(['git', '--version'], /git version (\S+)/, signal),
    programVersion(['git', 'annex', 'version', '--raw'], /^(\S+)/, signal),
    programVersion(['datalad', '--version'], /(\d\S*)/, signal),
    programVersion(['ssh', '-V'], /(OpenSSH\S*)/i, signal),
    pathOfGitAnnex(signal),
  ])
  add('git', git)
  add('git-annex', annex)
  add('datalad', datalad[0] === 'ok' ? datalad : ['skipped', 'it is not installed: git annex does without'])
  if (ssh[0] === 'ok' || needsSsh) add('ssh', ssh)
  add(REMOTE_PROGRAM, judgeRemoteProgram(await remotePrograms(path, signal), schemes, await ourDirectory()))
  for (const scheme of new Set(schemes)) {
    const helper = gitHelperOf(scheme)
    if (helper !== undefined) add(helper, await gitHelper(helper, path))
  }
}

/** Which of the programs on PATH counts is the first; the others are told where that helps. */
export function judgeRemoteProgram(
  programs: readonly FoundRemoteProgram[],
  schemes: readonly Scheme[],
  ours: string | undefined,
): Outcome {
  const mine = programs.find(({ maker }) => maker === 'riastore')
  const directory = mine === undefined ? ours : dirname(mine.file)
  const mend = directory === undefined ? undefined : `export PATH=${shellWord(directory)}:"$PATH"`
  const [first] = programs
  if (first === undefined) {
    return ['failed', `it is not on the PATH of git-annex, which cannot run it: no content moves`, mend]
  }
  const whose = `${first.file}, ${WHOSE[first.maker]}${first.version && ` ${first.version}`}`
  if (first === mine) return ['ok', whose]
  const needs = schemes.find((scheme) => !SCHEMES[scheme].stockRemote)
  if (needs !== undefined) return ['failed', `${whose} comes first, and knows no ria+${needs}://`, mend]
  return ['warning', `${whose} comes first: it is slower, and takes a store that is not mounted for an empty one`, mend]
}

const WHOSE: Readonly<Record<RemoteProgramMaker, string>> = {
  riastore: "riastore's",
  datalad: "DataLad's",
  unknown: 'of somebody else',
}

/** git puts a directory of its own before the PATH of what it runs, and so of `git annex`. */
async function pathOfGitAnnex(signal: AbortSignal | undefined): Promise<string> {
  const command = ['git', '-c', 'alias.riastore-path=!printf %s "$PATH"', 'riastore-path']
  const { end, stdout } = await runProcess(command, { signal, limitMs: PATH_MS })
  const path = end.how === 'exited' && end.code === 0 ? decode(stdout) : ''
  return path || (process.env.PATH ?? '')
}

async function remotePrograms(path: string, signal: AbortSignal | undefined): Promise<FoundRemoteProgram[]> {
  const found: FoundRemoteProgram[] = []
  for await (const file of programsOnPath(REMOTE_PROGRAM, path)) {
    const maker = await makerOfRemoteProgram(file, { signal })
    found.push({ file, maker, version: await versionBeside(file, maker, signal) })
    if (maker === 'riastore') break
  }
  return found
}

/** Each comes with a program that tells its version. */
async function versionBeside(
  file: string,
  maker: RemoteProgramMaker,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (maker === 'unknown') return ''
  const [result, version] = await programVersion([join(dirname(file), maker), '--version'], /(\d\S*)/, signal)
  return result === 'ok' ? version : ''
}

async function ourDirectory(): Promise<string | undefined> {
  const program = await findProgram('riastore')
  return program && dirname(program)
}

async function gitHelper(name: string, path: string): Promise<Outcome> {
  const file = await findProgram(name, path)
  if (file !== undefined) return ['ok', file]
  const ours = await ourDirectory()
  const mend = ours && (await findProgram(name, ours)) && `export PATH=${shellWord(ours)}:"$PATH"`
  return ['failed', `it is not on the PATH of git, which reaches this store by it`, mend]
}
