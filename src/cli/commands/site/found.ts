import { messageOf } from '../../../core/errors.ts'
import { readProcedureDirectories } from '../../../setup/site/add.ts'
import { type FoundSite, resolveSite } from '../../../setup/site/config.ts'
import { findProcedure } from '../../../setup/site/procedure-install.ts'

/** The file of a site's procedure, where DataLad finds it. */
export async function procedureOf({ name }: FoundSite, signal: AbortSignal): Promise<string | undefined> {
  return (await findProcedure(name, await readProcedureDirectories({ signal })))?.file
}

/** Why a site cannot be used, if it cannot. */
export function problemOf(site: FoundSite): string | undefined {
  try {
    resolveSite(site)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
