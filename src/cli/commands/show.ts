import { printable } from '../../core/printable.ts'
import { type RemoteDescription, readRemote } from '../../git/read-remote.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import type { SHOW } from '../table/show.ts'

/** So many lines of a README are printed. */
const README_LINES = 8

/** `riastore show` */
export function run(console: Console, args: ArgsOf<typeof SHOW>): Promise<number> {
  return forEachDataset(console, args, { action: 'show', names: true }, async (dataset, names) => {
    const found = await readRemote(dataset, { signal: console.signal })
    const aliases = [...new Set([...found.aliases, ...names.aliases])].sort()
    const refs = Object.fromEntries(found.refs)
    console.show({ type: 'dataset', action: 'show', ...names, ...found, aliases, refs }, () =>
      describe(dataset.name, { ...found, aliases }),
    )
    return EXIT.done
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
