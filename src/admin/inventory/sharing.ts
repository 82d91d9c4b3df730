import { readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'

/** No bare repository's configuration is longer. Bytes. */
const MAX_BYTES = 1024 * 1024

/**
 * How a dataset is shared. git is asked only where there is something to ask: to start it for each
 * of many datasets costs more than all the rest.
 */
export async function readSharingIfAny(dataset: StoredDataset, call: CallOptions): Promise<Sharing | undefined> {
  const config = (await dataset.findSmall('config', MAX_BYTES, call))?.toString() ?? ''
  return /sharedrepository/i.test(config) ? readSharing(dataset, call) : undefined
}
