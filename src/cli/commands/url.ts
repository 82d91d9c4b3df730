import { lstat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Argv, CommandModule } from 'yargs'
import { ConfigError, codeOf } from '../../core/errors.ts'
import { keyFileName, parseKey } from '../../core/key.ts'
import { type Finished, run as runProgram } from '../../core/process/run.ts'
import { objectOfKey } from '../../ria/keys/whole-object.ts'
import { findDataset } from '../../ria/layout/datasets.ts'
import { inBucket } from '../../store/location.ts'
import type { Console } from '../console.ts'
import { openNamedStore, parseStore } from '../open-store.ts'
import { parseAge } from '../quantities.ts'

const SUMMARY = 'Print a link to a key that a browser can open'

const USAGE = `$0 url <store> <dataset> <key>

${SUMMARY}.

STORE is the URL of a store in S3 (ria+s3+http(s)://). DATASET is an id or a ~alias; it can be a \
part of STORE, as #<id>. KEY is a key of git-annex, or the path of an annexed file.

Whoever has the link can download the key until it expires: treat it like a password. A link that \
was signed with credentials of a session ends with them. A key in an archive has no link.`

const OPTIONS = {
  expires: { type: 'string', default: '1h', describe: 'how long the link works, up to 7d: 30m, 12h, 2d' },
} as const

interface Args {
  store: string
  what: string[]
  expires: string | string[]
}

export function urlCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'url <store> [what..]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('store', { type: 'string', demandOption: true, describe: 'URL of the store' })
        .positional('what', { type: 'string', array: true, describe: 'the dataset, and the key or file' })
        .options(OPTIONS)
        .example(
          "$0 url ria+s3+https://s3.example.org/bucket/store '~raw' sub-01/bold.nii.gz",
          '',
        ) as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

async function run(console: Console, { store: name, what, expires }: Args): Promise<number> {
  const named = await parseStore(name)
  const words = named.dataset === undefined ? what : [named.dataset, ...what]
  const [datasetName, keyOrPath] = words
  if (datasetName === undefined || keyOrPath === undefined || words.length > 2) {
    throw new ConfigError('give a dataset (its id, or ~alias) and one key or file')
  }
  const location = inBucket(named.location)
  if (location === undefined) {
    throw new ConfigError('there are links for stores in S3 only (ria+s3+http://, ria+s3+https://)')
  }
  const { MAX_LINK_MS, openS3Links } = await import('../../store/s3/presign.ts')
  const lifeMs = parseAge('expires', [expires].flat().at(-1) ?? '')
  if (lifeMs < 1000 || lifeMs > MAX_LINK_MS) throw new ConfigError('--expires has to be from 1s to 7d')
  const { key, fileName } = await readKey(keyOrPath)
  const store = await openNamedStore(named)
  const links = openS3Links({ ...named.settings.s3, ...location })
  const call = { signal: console.signal }
  try {
    const dataset = await findDataset(store, datasetName, call)
    const path = await objectOfKey(dataset, key, call)
    const link = await links.linkTo(path, { ...call, lifeMs, fileName })
    console.print(link.url)
    console.note(
      link.expires === undefined
        ? 'no AWS credentials were found: this is the address of a public object, which does not expire'
        : `it works until ${link.expires.toISOString()}`,
    )
    return 0
  } finally {
    await links.close()
    await store.close()
  }
}

/** What is there as a file is one; everything else has to be a key. */
async function readKey(text: string): Promise<{ readonly key: string; readonly fileName: string }> {
  const isFile = await lstat(text).then(
    (stat) => !stat.isDirectory(),
    () => false,
  )
  if (!isFile) {
    if (parseKey(text).backend !== '') return { key: text, fileName: keyFileName(text) }
    throw new ConfigError(`${JSON.stringify(text)} is neither a key nor a file that is here`)
  }
  const lookUp = ['annex', 'lookupkey', '--', basename(text)]
  const { code, stdout } = await runGit(lookUp, dirname(text))
  const key = stdout.toString().trim()
  if (code !== 0 || key === '') {
    await requireGitAnnex(text)
    throw new ConfigError(`${JSON.stringify(text)} is no annexed file`)
  }
  return { key, fileName: basename(text) }
}

/**
 * Without git-annex git says no to everything, in words of its own that are in the user's language.
 */
async function requireGitAnnex(text: string): Promise<void> {
  const { code } = await runGit(['annex', 'version', '--raw'], process.cwd())
  if (code === 0) return
  throw new ConfigError(`git-annex is not on PATH, to say which key ${JSON.stringify(text)} is: give the key itself`)
}

function runGit(args: readonly string[], cwd: string): Promise<Finished> {
  return runProgram('git', args, { cwd }).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new ConfigError('git is not on PATH, to say which key a file is: give the key itself')
  })
}
