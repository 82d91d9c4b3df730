import type { Argv, CommandModule } from 'yargs'
import { printable } from '../core/printable.ts'
import { type RemoteDescription, readRemote } from '../git/read-remote.ts'
import type { Console } from './console.ts'
import { forEachDataset, JSON_LINES, SELECT, type Selected, selecting } from './datasets.ts'

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
  return forEachDataset(console, args, async (store, { name, directory }) => {
    const found = await readRemote(store, directory, { signal: console.signal })
    const refs = Object.fromEntries(found.refs)
    console.print(args.json ? JSON.stringify({ dataset: name, ...found, refs }) : describe(name, found))
    return true
  })
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
