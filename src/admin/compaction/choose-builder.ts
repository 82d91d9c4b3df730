import { findSevenZipOnServer } from '../../archive/seven-zip/find-on-server.ts'
import type { CallOptions } from '../../store/store.ts'
import { ClientBuilder } from './build-on-client.ts'
import { DiskBuilder } from './build-on-disk.ts'
import { ServerBuilder } from './build-on-server.ts'
import type { Builder, Work } from './builder.ts'

/**
 * Where 7z is to run: on the disk that holds the store, on its server if that has one (to which an
 * old archive can be given), else here.
 */
export async function chooseBuilder(
  work: Work,
  { temporaryDirectory, ...call }: CallOptions & { readonly temporaryDirectory?: string | undefined },
): Promise<Builder> {
  const { traits } = work.store
  if (traits.local && traits.exec) return new DiskBuilder(work)
  const program = await findSevenZipOnServer(work.store, work.directory, call)
  const isUsable = program !== undefined && (program.isSafe || work.old === undefined)
  return isUsable ? new ServerBuilder(work, program.name) : new ClientBuilder(work, temporaryDirectory)
}
