/** Stores that are large in one way each, made fast: files are hard links, or have no blocks. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** @param {string} text */
const md5 = (text) => createHash('md5').update(text).digest('hex')

/** The id of the n-th dataset. @param {number} n */
export function datasetId(n) {
  return md5(`dataset ${n}`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** hashDirMixed as git-annex has it (Annex/Locations.hs). @param {string} key */
function hashDirMixed(key) {
  const letters = '0123456789zqjxkmvwgpfZQJXKMVWGPF'
  const word = createHash('md5').update(key).digest().readUInt32LE(0)
  const [a = '', b = '', c = '', d = ''] = [0, 6, 12, 18].map((shift) => letters[(word >>> shift) & 31])
  return `${b}${a}/${d}${c}`
}

/**
 * A bare repository with one commit of two files, packed.
 * @param {string} directory where it is put
 */
function makeTemplate(directory) {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', args, {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    })
  mkdirSync(directory, { recursive: true })
  git('init', '--quiet', '--initial-branch=main', 'work')
  writeFileSync(join(directory, 'work/README.md'), '# A dataset\n')
  writeFileSync(join(directory, 'work/dataset_description.json'), '{"Name": "A dataset"}\n')
  git('-C', 'work', 'add', '.')
  git('-C', 'work', '-c', 'user.name=Bench', '-c', 'user.email=bench@example.org', 'commit', '--quiet', '-m', 'first')
  git('clone', '--quiet', '--bare', '--no-local', '--template=', 'work', 'bare')
  git('-C', 'bare', 'gc', '--quiet')
  git('-C', 'bare', 'config', '--remove-section', 'remote.origin')
}

/**
 * A file of which a file system allows no more links is copied, and the copy linked from then on.
 * @param {string} from
 * @param {string} to
 */
function linkOrCopy(from, to) {
  try {
    linkSync(from, to)
  } catch (error) {
    if (error.code !== 'EMLINK') throw error
    copyFileSync(from, `${from}.copy`)
    renameSync(`${from}.copy`, from)
    linkSync(from, to)
  }
}

/**
 * A store of many small datasets, each with a repository and one loose key. Their files are links
 * to those of one.
 * @param {string} root
 * @param {number} count
 */
export function makeManyDatasets(root, count) {
  mkdirSync(root, { recursive: true })
  const template = mkdtempSync(join(root, 'template-'))
  makeTemplate(template)
  const bare = join(template, 'bare')
  const files = execFileSync('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: bare, encoding: 'utf8' }).trim()
  const directories = execFileSync('find', ['.', '-mindepth', '1', '-type', 'd', '-printf', '%P\\n'], {
    cwd: bare,
    encoding: 'utf8',
  }).trim()
  const content = 'a key\n'
  const key = `MD5E-s${content.length}--${md5(content)}.dat`
  const place = `annex/objects/${hashDirMixed(key)}/${key}`
  writeFileSync(join(template, 'layout'), '2\n')
  writeFileSync(join(template, 'key'), content, { mode: 0o444 })
  for (let n = 0; n < count; n++) {
    const id = datasetId(n)
    const directory = join(root, id.slice(0, 3), id.slice(3))
    mkdirSync(join(directory, place), { recursive: true })
    for (const name of directories.split('\n').sort()) mkdirSync(join(directory, name), { recursive: true })
    for (const name of files.split('\n')) linkOrCopy(join(bare, name), join(directory, name))
    linkOrCopy(join(template, 'layout'), join(directory, 'ria-layout-version'))
    linkOrCopy(join(template, 'key'), join(directory, place, key))
  }
  rmSync(template, { recursive: true })
  writeFileSync(join(root, 'ria-layout-version'), '1\n')
}

/**
 * A store of one dataset with many loose keys, of 1 MiB each, that have no blocks on the disk.
 * @param {string} root
 * @param {number} count
 */
export function makeManyKeys(root, count) {
  makeManyDatasets(root, 1)
  const id = datasetId(0)
  const objects = join(root, id.slice(0, 3), id.slice(3), 'annex/objects')
  const made = new Set()
  for (let n = 0; n < count; n++) {
    const key = `MD5E-s1048576--${md5(`key ${n}`)}.dat`
    const parent = join(objects, hashDirMixed(key))
    if (!made.has(parent)) mkdirSync(parent, { recursive: true })
    made.add(parent)
    mkdirSync(join(parent, key))
    const file = join(parent, key, key)
    writeFileSync(file, '', { mode: 0o644 })
    truncateSync(file, 1048576)
  }
}
