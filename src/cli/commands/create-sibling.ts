import { resolve } from 'node:path'
import type { Argv, CommandModule } from 'yargs'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { withoutPassword } from '../../core/secret.ts'
import { Dataset } from '../../setup/dataset.ts'
import type { SiblingResult } from '../../setup/sibling/create.ts'
import { createSiblings, type SiblingFailure, type SiblingSkip } from '../../setup/sibling/create-recursive.ts'
import { SHARED_VALUES, type SiblingOptions } from '../../setup/sibling/options.ts'
import type { Console } from '../console.ts'
import { stopped } from '../store-command.ts'

const SUMMARY = 'Set up the siblings of a dataset in a store'

const USAGE = `$0 create-sibling -s <name> <store>

${SUMMARY}: a bare git repository, and a storage sibling (a special remote of git-annex) on which it depends.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav(s)://, ria+s3+http(s)://) or the path \
of a directory. With --push-url it may be ria+https:// or ria+http:// too.

What fails is taken back, so that the same command can be given again.`

interface Args {
  store: string
  name: string
  dataset?: string
  storageName?: string
  alias?: string
  postUpdateHook?: boolean
  shared?: string
  group?: string
  storageSibling?: 'on' | 'off' | 'only'
  existing?: 'skip' | 'error' | 'reconfigure'
  newStoreOk?: boolean
  trustLevel?: 'trust' | 'semitrust' | 'untrust'
  pushUrl?: string
  recursive?: boolean
  dryRun?: boolean
  json?: boolean
}

export function createSiblingCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'create-sibling <store>',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
        .options({
          name: { alias: 's', type: 'string', demandOption: true, requiresArg: true, describe: 'of the sibling' },
          dataset: { alias: 'd', type: 'string', requiresArg: true, describe: 'its directory (default: this one)' },
          'storage-name': {
            type: 'string',
            requiresArg: true,
            describe: 'of the storage sibling (default: NAME-storage)',
          },
          alias: { type: 'string', requiresArg: true, describe: 'of the dataset, in the store: …#~ALIAS' },
          'post-update-hook': { type: 'boolean', describe: 'keep the repository ready for a plain web server' },
          shared: { type: 'string', requiresArg: true, describe: `as git init has it: ${SHARED_VALUES}` },
          group: { type: 'string', requiresArg: true, describe: 'that the files in the store get' },
          'storage-sibling': {
            choices: ['on', 'off', 'only'] as const,
            requiresArg: true,
            describe: 'off: git alone; only: keys alone (default: on)',
          },
          existing: {
            choices: ['skip', 'error', 'reconfigure'] as const,
            requiresArg: true,
            describe: 'what to do about a sibling that exists (default: error, unless it is as asked for)',
          },
          'new-store-ok': { type: 'boolean', describe: 'make the store where there is none' },
          'trust-level': {
            choices: ['trust', 'semitrust', 'untrust'] as const,
            requiresArg: true,
            describe: "git-annex's trust in the storage sibling",
          },
          'push-url': { type: 'string', requiresArg: true, describe: 'URL of the same store to write through' },
          recursive: { alias: 'r', type: 'boolean', describe: 'also for all subdatasets that are there' },
          'dry-run': { type: 'boolean', describe: 'tell what would be done, and change nothing' },
          json: { type: 'boolean', describe: 'print JSON: one line for each dataset' },
        })
        .example('$0 create-sibling -s ria ria+ssh://host/data/store', '')
        .example('$0 create-sibling -s ria --alias eeg --shared group /data/store', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const dataset = await Dataset.open(args.dataset ?? '.', { signal: console.signal })
  const told = (line: string) => (args.json ? console.note(line) : console.print(`  ${printable(line)}`))
  const call = {
    signal: console.signal,
    recursive: args.recursive === true,
    open: process.env.RIASTORE_DEBUG ? { log: (line: string) => console.note(`riastore: ${line}`) } : {},
    tell: args.json && !process.env.RIASTORE_DEBUG ? undefined : told,
  }
  let code = 0
  for await (const result of createSiblings(dataset, optionsOf(args), call)) {
    if (result.status === 'error') code = 1
    report(console, args, result)
  }
  return code
}

function report(console: Console, { json, dryRun }: Args, result: SiblingResult | SiblingFailure | SiblingSkip): void {
  if (json) {
    console.print(JSON.stringify({ action: 'create-sibling', dryRun: dryRun === true, ...result }))
  } else if (result.status === 'error') {
    console.fail(result.message.includes(result.path) ? result.message : `${result.path}: ${result.message}`)
  } else if (result.status === 'notneeded') {
    console.print(printable(`${result.path}: ${'id' in result ? 'nothing to do: ' : ''}${result.message}`))
  } else {
    if (dryRun) for (const step of result.steps) console.print(printable(`  would ${step}`))
    console.print(printable(`${result.path}: ${dryRun ? 'would be set up' : 'set up'} in ${result.stored}`))
  }
}

function optionsOf({ store, pushUrl, ...args }: Args): SiblingOptions {
  const { name, storageName, alias, postUpdateHook, shared, group } = args
  const { storageSibling, existing, newStoreOk, trustLevel, dryRun } = args
  return {
    name,
    url: storeUrl(store),
    pushUrl: pushUrl === undefined ? undefined : storeUrl(pushUrl),
    storageName,
    alias,
    postUpdateHook,
    shared,
    group,
    storageSibling,
    existing,
    newStoreOk,
    trustLevel,
    dryRun,
  }
}

/**
 * What is recorded has to be a URL; git's insteadOf may make one of anything that looks like one.
 */
function storeUrl(store: string): string {
  if (store.startsWith('ria+') || /^[\w.+-]+:/.test(store)) {
    if (store.includes('#')) throw new ConfigError(`${withoutPassword(store)} names a dataset: leave #… away`)
    return store
  }
  if (store === '') throw new ConfigError('the store has an empty name')
  return `ria+file://${resolve(store).replace(/[%?#\s]/g, encodeURIComponent)}`
}
