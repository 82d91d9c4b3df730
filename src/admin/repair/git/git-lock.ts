import { isStoreError } from '../../../core/errors.ts'
import { bufferSource } from '../../../core/source.ts'
import { findSmall } from '../../../store/read-small.ts'
import type { Bench } from '../bench.ts'

/** What we write into it. git writes nothing, or what the file will be. */
const OURS = 'riastore repair\n'

const MAX_LOCK_BYTES = 64 * 1024 * 1024

/**
 * Does `work` on a file of a bare repository while git waits: with the lock that git itself takes
 * for it. One of a repair that was killed is taken over, for we have the lock of the dataset now.
 * Throws StoreError `denied` when somebody else has it.
 */
export async function withGitLock<T>({ dataset, call }: Bench, path: string, work: () => Promise<T>): Promise<T> {
  const { store, directory } = dataset
  const lock = `${path}.lock`
  const isOther = async () => {
    const text = await findSmall(store, lock, MAX_LOCK_BYTES, call)
    return text !== undefined && text.toString() !== OURS
  }
  const ifAbsent = store.traits.putIfAbsent === 'atomic'
  if (!ifAbsent && (await isOther())) throw held(lock)
  try {
    await store.put(lock, bufferSource(OURS), { ...call, within: directory, ifAbsent })
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
    if (await isOther()) throw held(lock)
  }
  try {
    return await work()
  } finally {
    await store.remove(lock) // also when our caller gave up: git would wait for ever
  }

  function held(where: string) {
    return dataset.error('denied', 'repair', 'a git is at work, or was killed there', { path: where, sent: 'no' })
  }
}
