import { lstat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ConfigError, codeOf } from '../../core/errors.ts'
import { keyFileName, parseKey } from '../../core/key.ts'
import { type Finished, run as runProgram } from '../../core/process/run.ts'
import { objectOfKey } from '../../ria/keys/whole-object.ts'
import { findDataset } from '../../ria/layout/datasets.ts'
import { inBucket } from '../../store/location.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { NameFinder } from '../dataset-names.ts'
import { EXIT } from '../exit-codes.ts'
import { openNamedStore, parseStore, storeAndRest } from '../open-store.ts'
import { parseAge } from '../quantities.ts'
import type { URL_TO_KEY } from '../table/url.ts'

/** `riastore url` */
export async function run(console: Console, args: ArgsOf<typeof URL_TO_KEY>): Promise<number> {
  const { store: name, rest } = storeAndWords(args.words)
  const named = await parseStore(name)
  const isNamed = named.dataset !== undefined && !(named.ofClone && rest.length > 1)
  const words = isNamed ? [named.dataset, ...rest] : rest
  const [datasetName, keyOrPath] = words
  if (datasetName === undefined || keyOrPath === undefined || words.length > 2) {
    throw new ConfigError('give a dataset (its id, or ~alias) and one key or file')
  }
  const location = inBucket(named.location)
  if (location === undefined) {
    throw new ConfigError('there are links for stores in S3 only (ria+s3+http://, ria+s3+https://)')
  }
  const { MAX_LINK_MS, openS3Links } = await import('../../store/s3/presign.ts')
  const lifeMs = parseAge('expires', args.expires)
  if (lifeMs < 1000 || lifeMs > MAX_LINK_MS) throw new ConfigError('--expires has to be from 1s to 7d')
  const { key, fileName } = await readKey(keyOrPath)
  const store = await openNamedStore(named)
  const links = openS3Links({ ...named.settings.s3, git: named.settings.git, ...location })
  const call = { signal: console.signal }
  try {
    const dataset = await findDataset(store, datasetName, call)
    const path = await objectOfKey(dataset, key, call)
    const link = await links.linkTo(path, { ...call, lifeMs, fileName })
    const names = await new NameFinder(store, console.json, call).namesOf(dataset)
    const expires = link.expires?.toISOString()
    console.show({ type: 'link', ...names, key, url: link.url, expires }, link.url)
    console.note(
      expires === undefined
        ? 'no AWS credentials were found: this is the address of a public object, which does not expire'
        : `it works until ${expires}`,
    )
    return EXIT.done
  } finally {
    await links.close()
    await store.close()
  }
}

/**
 * A store comes first, unless a dataset does, or nothing but a key or file is given. Throws
 * ConfigError where there is nothing.
 */
function storeAndWords(words: readonly string[]) {
  if (words.length === 0) throw new ConfigError('which key? Give a key of git-annex, or an annexed file')
  return words.length === 1 ? { store: undefined, rest: words } : storeAndRest(words)
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
