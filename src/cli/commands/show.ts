import { StoredKeys } from '../../admin/inventory/stored-keys.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { isStoreError } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { printable } from '../../core/printable.ts'
import { decode } from '../../core/text.ts'
import { README_CHARACTERS, type Readme, type RemoteDescription, readRemote } from '../../git/read-remote.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import type { SHOW } from '../table/show.ts'

/** So many lines of a README are printed. */
const README_LINES = 8

const SHORT_BYTES = 1024 * 1024

const NO_TEXT = '(annexed; riastore ls says whether the store has its content)'

/** `riastore show` */
export function run(console: Console, args: ArgsOf<typeof SHOW>): Promise<number> {
  return forEachDataset(console, args, { action: 'show', names: true }, async (dataset, names) => {
    const call = { signal: console.signal }
    const remote = await readRemote(dataset, call)
    const found = { ...remote, readme: remote.readme && (await withContent(dataset, remote.readme, call)) }
    const aliases = [...new Set([...found.aliases, ...names.aliases])].sort()
    const refs = Object.fromEntries(found.refs)
    console.show({ type: 'dataset', action: 'show', ...names, ...found, aliases, refs }, () =>
      describe(dataset.name, { ...found, aliases }),
    )
    return EXIT.done
  })
}

/**
 * An annexed README as the store has it; without text where the store does not, or it is damaged.
 */
async function withContent(dataset: StoredDataset, readme: Readme, call: CallOptions): Promise<Readme> {
  if (readme.key === undefined) return readme
  const chunks: Uint8Array[] = []
  const keys = await StoredKeys.open(dataset, cacheDirectory(), call)
  try {
    // A short one is held against its checksum, for which all of it has to be read.
    const isShort = (parseKey(readme.key).size ?? Number.POSITIVE_INFINITY) <= SHORT_BYTES
    const range = isShort ? undefined : { start: 0, end: README_CHARACTERS }
    await keys.read(readme.key, async (chunk) => void chunks.push(chunk), { ...call, range })
  } catch (error) {
    if (!isStoreError(error, 'missing', 'corrupt', 'unsupported')) throw error
    return readme
  } finally {
    await keys.close()
  }
  return { ...readme, text: decode(Buffer.concat(chunks)).slice(0, README_CHARACTERS) }
}

function describe(name: string, { head, refs, aliases, config, readme }: RemoteDescription): string {
  const row = (label: string, text: string) => `  ${label.padEnd(8)} ${printable(text)}`
  return [
    printable(name),
    ...aliases.map((alias) => row('alias', `~${alias}`)),
    row('HEAD', head ?? 'on no branch'),
    ...[...refs].map(([ref, id]) => row('ref', `${id} ${ref}`)),
    ...Object.entries(config).map(([key, value]) => row('config', `${key} = ${value}`)),
    ...(readme === undefined ? [] : [row('readme', readme.name), ...firstLines(readme.text ?? NO_TEXT)]),
    '',
  ].join('\n')
}

function firstLines(text: string): string[] {
  const lines = text.trimEnd().split(/\r?\n/)
  const more = lines.length > README_LINES ? ['    …'] : []
  return [...lines.slice(0, README_LINES).map((line) => `    ${printable(line)}`), ...more]
}
