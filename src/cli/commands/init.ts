import type { Argv, CommandModule } from 'yargs'
import { examinePlace } from '../../admin/doctor/examine.ts'
import { giveUpStaleUploads } from '../../admin/doctor/s3.ts'
import { type Finding, isBad } from '../../core/finding.ts'
import { recordAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { findStore, makeStore } from '../../ria/make-store.ts'
import type { Console } from '../console.ts'
import { FINDINGS_HEAD, findingLine, type OpenedStore, stopped, withOpenStore } from '../store-command.ts'

const SUMMARY = 'Make a store'

const USAGE = `$0 init <store>

${SUMMARY}.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+davs://, ria+dav://, ria+s3+https://, ria+s3+http://) or the path of a directory.

Where a store is already, only what is missing is made. Where anything else is, nothing is. A place where a store would not be safe is refused, with the reason.

In a bucket of S3 without lifecycle rules, one is set that gives up uploads which nobody finished.`

interface Args {
  store: string
  json?: boolean
}

export function initCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'init <store>',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
        .options({ json: { type: 'boolean', describe: 'print JSON: one line' } })
        .example('$0 init ria+ssh://host/data/store', '')
        .example('$0 init ria+s3+https://s3.example.org/bucket/store', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

function run(console: Console, { store: name, json }: Args): Promise<number> {
  return withOpenStore(name, (opened) => stopped(console, () => init(console, opened, json === true)))
}

async function init(console: Console, { store, probe, directories }: OpenedStore, json: boolean): Promise<number> {
  const call = { signal: console.signal }
  const { root } = store.traits
  const tell = (made: boolean, findings: readonly Finding[], text: string) => {
    if (json) console.print(JSON.stringify({ store: root, made, findings }))
    else console.print([FINDINGS_HEAD, ...findings.map(findingLine), text].join('\n'))
  }
  const before = await findStore(store, call)
  const findings = [...(await examinePlace(store, { ...call, probe, report: () => {} }))]
  // A store that is there may be one that we may only read.
  const obstacle = findings.find((finding) => isBad(finding) || (before === 'nothing' && isRefusal(finding)))
  if (obstacle !== undefined) {
    tell(false, findings, 'nothing was made')
    console.fail(`init ${root}: ${obstacle.why}`)
    return 1
  }
  const made = await makeStore(store, directories, call)
  await recordAtomicPuts(store, call) // or it would have been an obstacle
  if (probe !== undefined) {
    const [result, why] = await giveUpStaleUploads(probe, call)
    findings.push({ check: 'lifecycle', result, why })
  }
  tell(made, findings, made ? `made a store: ${root}` : `there is a store already: ${root}`)
  return 0
}

/** It could not be written, because we may not. */
function isRefusal({ check, result }: Finding): boolean {
  return check === 'writable' && result !== 'ok'
}
