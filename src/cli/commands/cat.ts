import { openRevision, requireEntry } from '../../admin/inventory/files.ts'
import { StoredKeys } from '../../admin/inventory/stored-keys.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { ConfigError } from '../../core/errors.ts'
import { annexKeyOf } from '../../git/annexed-file.ts'
import { findDataset } from '../../ria/layout/datasets.ts'
import type { ByteRange } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { withStoreOfWords } from '../store-words.ts'
import type { CAT } from '../table/inventory.ts'

/** `riastore cat` */
export async function run(console: Console, { words, at, range: given }: ArgsOf<typeof CAT>): Promise<number> {
  const range = given === undefined ? undefined : parseRange(given)
  const call = { signal: console.signal }
  return withStoreOfWords(words, async (store, [name, path, ...more]) => {
    if (name === undefined || path === undefined || more.length > 0) {
      throw new ConfigError('which file? Give a dataset and one path in it')
    }
    const dataset = await findDataset(store, name, call)
    const revision = await openRevision(dataset, at, call)
    const entry = await requireEntry(dataset, revision, path)
    if (entry.kind === 'directory' || entry.kind === 'subdataset') throw new ConfigError(`${path} is a ${entry.kind}`)
    const key = await annexKeyOf(revision, entry)
    if (key === undefined) {
      const content = await revision.read(entry)
      await console.write(content.subarray(range?.start ?? 0, range?.end))
      return EXIT.done
    }
    const keys = await StoredKeys.open(dataset, cacheDirectory(), call)
    try {
      await keys.read(key, (chunk) => console.write(chunk), { ...call, range })
    } finally {
      await keys.close()
    }
    return EXIT.done
  })
}

/** As HTTP has it: `0-1023` are the first 1,024 bytes. */
function parseRange(text: string): ByteRange {
  const [, from, to = ''] = /^(\d+)-(\d*)$/.exec(text) ?? []
  const start = Number(from)
  const end = to === '' ? undefined : Number(to) + 1
  if (from !== undefined && Number.isSafeInteger(start) && (end === undefined || end > start)) return { start, end }
  throw new ConfigError(`--range ${JSON.stringify(text)} is none: 0-1023, 4096- are`)
}
