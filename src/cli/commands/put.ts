import type { Argv, CommandModule } from 'yargs'
import { compact } from '../../admin/compaction/compact.ts'
import { putKeys } from '../../bulk/put.ts'
import type { Pack } from '../../bulk/put-options.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { type BulkArgs, bulkOptions, bulkSettings, SELECTION } from '../bulk-options.ts'
import { runBulk } from '../bulk-run.ts'
import type { Console } from '../console.ts'
import { parseSize } from '../quantities.ts'

const SUMMARY = 'Put the content of many files into a store at once'

const USAGE = `$0 put [path..]

${SUMMARY}, as git annex copy --to does, but at the speed of the disk or the line.

Without PATH, everything below the current directory is put. git-annex's matching options \
(--include, --in, --metadata and so on) choose among it. Each key is checked against its checksum \
while it is read. With --archive, small keys go straight into the dataset's archive. What only \
git-annex can copy, it is asked for.`

const OPTIONS = {
  to: {
    type: 'string',
    requiresArg: true,
    describe: 'put into this remote. Default: the storage sibling, if there is one',
  },
  ...SELECTION,
  ...bulkOptions('put'),
  archive: { type: 'boolean', describe: 'put small keys straight into the archive' },
  'archive-below': { type: 'string', requiresArg: true, describe: 'with --archive, up to which size. Default: 1M' },
} as const

interface Args extends BulkArgs {
  to?: string
  archive?: boolean
  'archive-below'?: string
}

export function putCommand(
  console: Console,
  finished: (code: number) => void,
  matching: readonly string[],
): CommandModule<object, Args> {
  return {
    command: 'put [path..]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('path', { type: 'string', array: true, describe: 'files and directories' })
        .options(OPTIONS)
        .example('$0 put --to store', 'all that is below this directory')
        .example('$0 put --archive --archive-below 100k', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args, matching)),
  }
}

function run(console: Console, args: Args, matching: readonly string[]): Promise<number> {
  return runBulk(console, args, matching, { past: 'put', present: 'would put' }, async (clone, selection, events) => {
    const { put, ...report } = await putKeys(clone, {
      ...bulkSettings(console, args),
      selection,
      to: args.to,
      archiveBelow: archiveBelow(args),
      pack: packing(events.onNote),
      events,
    })
    return { moved: put, ...report }
  })
}

function archiveBelow(args: Args): number | undefined {
  const size = args['archive-below']
  if (size === undefined) return args.archive ? parseSize('archive-below', '1M') : undefined
  return parseSize('archive-below', size)
}

function packing(onNote: ((text: string) => void) | undefined): Pack {
  return async (store, directory, signal) => {
    const { problems } = await compact(new StoredDataset(store, directory), { signal })
    for (const problem of problems) onNote?.(problem)
  }
}
