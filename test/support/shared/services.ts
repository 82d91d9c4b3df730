/** What all test files of a run share. */
export interface SharedServices {
  /** A directory with the built programs, as they were at the first question. */
  readonly dist: string
  /** The `.git` of a repository with an annex, to be copied; see copyAnnex. */
  readonly annex: string
  /** The S3 server; see connectCeph. */
  readonly ceph: { readonly port: number; readonly directory: string }
}

export const SHARED_SERVICES = ['dist', 'annex', 'ceph'] as const satisfies readonly (keyof SharedServices)[]

const here: { url?: string; own?: Partial<SharedServices> } = {}

/** Called in each worker, before the test file is loaded. */
export function connectSharedServices(url: string): void {
  here.url = url
}

/** For a process that is alone, as the demo is: these are what it shares with nobody. */
export function useOwnServices(own: Partial<SharedServices>): void {
  here.own = own
}

/** Whether this process is one of a test run: the demo, for one, is not. */
export function hasSharedServices(): boolean {
  return here.url !== undefined
}

/**
 * Asks for a service; the first who asks waits until it is made. Throws when that fails, and then
 * always.
 */
export async function shared<Name extends keyof SharedServices>(name: Name): Promise<SharedServices[Name]> {
  const own = here.own?.[name]
  if (own !== undefined) return own
  if (here.url === undefined) throw new Error('not in a test run: no shared services')
  const answer = await fetch(`${here.url}/${name}`)
  if (!answer.ok) throw new Error(`the shared ${name} of this test run: ${await answer.text()}`)
  return (await answer.json()) as SharedServices[Name]
}
