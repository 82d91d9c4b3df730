import type { Argv, CommandModule } from 'yargs'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { listAliases, removeAlias, setAlias } from '../../git/alias.ts'
import { findDataset, realDirectory } from '../../ria/layout/datasets.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { Store } from '../../store/store.ts'
import type { Console } from '../console.ts'
import { openNamedStore, parseStore } from '../open-store.ts'
import { stopped } from '../store-command.ts'

const SUMMARY = 'Give datasets names'

const USAGE = `$0 alias <action> <store> [..]

${SUMMARY}: datalad clone <store>#~<name> finds them by it.

  riastore alias list <store>
  riastore alias set <store> <dataset> <name>
  riastore alias remove <store> <name>

STORE is a URL or the path of a directory. DATASET is an id or a ~name.

On a disk and over ssh a name is a symbolic link. Elsewhere it is a copy of the git repository, which each push renews: its keys are not copied.`

interface Args {
  action: 'list' | 'set' | 'remove'
  store: string
  words: string[]
  json?: boolean
}

export function aliasCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'alias <action> <store> [words..]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('action', { choices: ['list', 'set', 'remove'], demandOption: true, describe: 'what to do' })
        .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
        .positional('words', { type: 'string', array: true, default: [], describe: 'the dataset and its name' })
        .options({ json: { type: 'boolean', describe: 'print JSON: a line per name' } })
        .example(
          '$0 alias set ria+s3+https://s3.example.org/bucket/store 6d6d9a7e-… mydata',
          '',
        ) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, { action, store: name, words, json }: Args): Promise<number> {
  const named = await parseStore(name, { forWriting: action !== 'list' })
  if (named.dataset !== undefined && !named.ofClone && action !== 'set')
    throw new ConfigError(`leave #${named.dataset} away`)
  const rest = [...(named.dataset === undefined ? [] : [named.dataset]), ...words.map(String)]
  const needed = { list: 0, set: 2, remove: 1 }[action]
  if (rest.length !== needed) throw new ConfigError(`riastore alias ${action} wants ${WANTS[action]}`)
  const store = await openNamedStore(named)
  try {
    await act(console, store, action, rest, json === true)
    return 0
  } finally {
    await store.close()
  }
}

const WANTS = {
  list: 'a store',
  set: 'a store, a dataset and a name for it',
  remove: 'a store and a name',
} as const

async function act(
  console: Console,
  store: Store,
  action: Args['action'],
  [first = '', second = '']: readonly string[],
  json: boolean,
): Promise<void> {
  const call = { signal: console.signal }
  if (action === 'list') {
    for (const { name, directory, isDangling } of await listAliases(store, call)) {
      const dataset = directory?.replace('/', '')
      const what =
        dataset === undefined ? '(names no dataset)' : isDangling ? `${dataset} (dangling: not in the store)` : dataset
      const object = { alias: name, dataset, ...(isDangling && { dangling: true }) }
      console.print(json ? JSON.stringify(object) : printable(`~${name} ${what}`))
    }
    return
  }
  if (action === 'remove') {
    const alias = first.replace(/^~/, '')
    await removeAlias(store, alias, call)
    console.print(json ? JSON.stringify({ alias, removed: true }) : `removed ~${alias}`)
    return
  }
  const directory = await realDirectory(await findDataset(store, first, call), call)
  if (directory === undefined)
    throw new ConfigError(`name the dataset by its id: what ${first} leads to cannot be read`)
  const alias = second.replace(/^~/, '')
  await setAlias(new StoredDataset(store, directory), alias, call)
  const dataset = directory.replace('/', '')
  console.print(json ? JSON.stringify({ alias, dataset }) : `~${alias} ${dataset}`)
}
