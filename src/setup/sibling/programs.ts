import { ConfigError } from '../../core/errors.ts'
import { findProgram } from '../../core/process/find-program.ts'
import { makerOfRemoteProgram, REMOTE_PROGRAM } from '../../ria/remote-program.ts'
import { gitHelperOf, SCHEMES, type Scheme } from '../../store/schemes.ts'

/**
 * Checks that git-annex and git will find the programs by which they reach a store. Throws
 * ConfigError that says what is missing: rather now than after half of the work.
 */
export async function requirePrograms(
  schemes: readonly Scheme[],
  { storage, git }: { readonly storage: boolean; readonly git: boolean },
): Promise<void> {
  const ours = schemes.find((scheme) => !SCHEMES[scheme].stockRemote)
  if (storage) {
    if ((await findProgram('git-annex')) === undefined) throw new ConfigError('git-annex is not on PATH: install it')
    const program = await findProgram(REMOTE_PROGRAM)
    if (program === undefined) {
      throw new ConfigError(
        `${REMOTE_PROGRAM}, which git-annex needs for a store, is not on PATH: install riastore there`,
      )
    }
    if (ours !== undefined && (await makerOfRemoteProgram(program)) !== 'riastore') {
      throw new ConfigError(
        `${program} is not riastore's, which ria+${ours}:// needs: put riastore's programs first on PATH`,
      )
    }
  }
  if (!git) return
  for (const scheme of new Set(schemes)) {
    const helper = gitHelperOf(scheme)
    if (helper !== undefined && (await findProgram(helper)) === undefined) {
      throw new ConfigError(`${helper}, which git needs for ria+${scheme}://, is not on PATH: install riastore there`)
    }
  }
}
