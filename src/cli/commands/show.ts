import type { Argv, CommandModule } from 'yargs'
import { isStoreError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { type Alias, listAliases } from '../../git/alias.ts'
import { type RemoteDescription, readRemote } from '../../git/read-remote.ts'
import { realDirectory } from '../../ria/layout/datasets.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { Console } from '../console.ts'
import { forEachDataset, JSON_LINES, SELECT, type Selected, selecting } from '../each-dataset.ts'

const SUMMARY = 'Tell what datasets of a store are, without cloning them'

const USAGE = `$0 show <store> [datasets..]

${SUMMARY}: their refs, what .datalad/config says, and how their README begins.

STORE is a URL or the path of a directory. Each DATASET is an id or a ~alias.`

/** So many lines of a README are printed. */
const README_LINES = 8

interface Args extends Selected {
  json?: boolean
}

export function showCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'show <store> [datasets..]',
    describe: SUMMARY,
    builder: (parser) =>
      selecting(parser, USAGE)
        .options({ ...SELECT, ...JSON_LINES })
        .example("$0 show ria+s3+https://s3.example.org/bucket/store '~mydata'", '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

function run(console: Console, args: Args): Promise<number> {
  const call = { signal: console.signal }
  let all: Promise<readonly Alias[]> | undefined
  return forEachDataset(console, args, async (dataset) => {
    const { store, name } = dataset
    const found = await readRemote(dataset, call)
    all ??= aliasesThere(store, call)
    const real = await realDirectory(dataset, call)
    const named = (await all).filter((alias) => alias.directory !== undefined && alias.directory === real)
    const asked = name.startsWith('~') ? [name.slice(1)] : []
    const aliases = [...new Set([...found.aliases, ...asked, ...named.map((alias) => alias.name)])].sort()
    const refs = Object.fromEntries(found.refs)
    console.print(
      args.json ? JSON.stringify({ dataset: name, ...found, aliases, refs }) : describe(name, { ...found, aliases }),
    )
    return true
  })
}

/** A web server lists nothing: there, only the alias by which it was asked is known. */
async function aliasesThere(store: Store, call: CallOptions): Promise<readonly Alias[]> {
  try {
    return await listAliases(store, call)
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return []
  }
}

function describe(name: string, { head, refs, aliases, config, readme }: RemoteDescription): string {
  const row = (label: string, text: string) => `  ${label.padEnd(8)} ${printable(text)}`
  return [
    printable(name),
    ...aliases.map((alias) => row('alias', `~${alias}`)),
    row('HEAD', head ?? 'on no branch'),
    ...[...refs].map(([ref, id]) => row('ref', `${id} ${ref}`)),
    ...Object.entries(config).map(([key, value]) => row('config', `${key} = ${value}`)),
    ...(readme === undefined ? [] : [row('readme', readme.name), ...firstLines(readme.text)]),
    '',
  ].join('\n')
}

function firstLines(text: string): string[] {
  const lines = text.trimEnd().split(/\r?\n/)
  const more = lines.length > README_LINES ? ['    …'] : []
  return [...lines.slice(0, README_LINES).map((line) => `    ${printable(line)}`), ...more]
}
