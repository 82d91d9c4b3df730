import type { Argv, CommandModule } from 'yargs'
import { examineStore } from '../../admin/doctor/examine.ts'
import { isBad } from '../../core/finding.ts'
import type { Console } from '../console.ts'
import { FINDINGS_HEAD, findingLine, stopped, withOpenStore } from '../store-command.ts'

const SUMMARY = 'Examine a store: what it can do, and whether it is safe'

const USAGE = `$0 doctor <store>

${SUMMARY}.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+davs://, ria+dav://, ria+s3+https://, ria+s3+http://, ria+http(s)://) or the path of a directory.

The store is used as it will be: files are stored, read, replaced and removed below a temporary name; several are stored at once. Nothing of it stays.

The exit code is 1 when something is unsafe, or failed: could not be tried.`

interface Args {
  store: string
  json?: boolean
}

export function doctorCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'doctor <store>',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
        .options({ json: { type: 'boolean', describe: 'print JSON: a line per check' } })
        .example('$0 doctor ria+s3+https://s3.example.org/bucket/store', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

async function run(console: Console, { store: name, json }: Args): Promise<number> {
  return withOpenStore(name, async ({ store, probe }) => {
    if (!json) console.print(FINDINGS_HEAD)
    const report = (finding: Parameters<typeof findingLine>[0]) =>
      console.print(json ? JSON.stringify(finding) : findingLine(finding))
    const findings = await stopped(console, () => examineStore(store, { signal: console.signal, probe, report }))
    return findings.some(isBad) ? 1 : 0
  })
}
