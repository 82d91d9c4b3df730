// Programs of another Debian than this machine's: their packages are unpacked beside us, and
// nothing is installed.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from './build.mjs'

/**
 * Unpacks packages, once: later calls find what is there. apt checks their signatures; they come
 * from where this machine's own packages come from. Throws when a program fails.
 * @typedef {object} Wanted
 * @property {string} suite
 * @property {readonly string[]} packages
 * @property {string} name of the place
 * @property {(aside: string, place: string) => Promise<void>} [finish] completes what lies in
 * `aside` before it is there as `place`
 * @param {Wanted} wanted
 * @returns {Promise<string>} the directory that has them in `root/`
 */
export async function unpackFrom({ suite, packages, name, finish }) {
  const place = placeOf(name)
  if (existsSync(place)) return place
  await mkdir(join(place, '..'), { recursive: true })
  const aside = await mkdtemp(`${place}-`)
  try {
    const root = join(aside, 'root')
    for (const each of ['lists/partial', 'archives/partial', 'root'])
      await mkdir(join(aside, each), { recursive: true })
    await writeFile(
      join(aside, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${archive()} ${suite} main\n`,
    )
    await writeFile(join(aside, 'status'), '')
    const settings = {
      'Dir::Etc::sourcelist': join(aside, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State': aside,
      'Dir::State::status': join(aside, 'status'),
      'Dir::Cache': aside,
      'APT::Sandbox::User': '',
    }
    const options = Object.entries(settings).flatMap(([setting, value]) => ['-o', `${setting}=${value}`])
    must('apt-get', [...options, 'update', '-q'])
    must('apt-get', [...options, 'download', '-q', ...packages], aside)
    for (const file of await readdir(aside)) {
      if (file.endsWith('.deb')) must('dpkg-deb', ['-x', join(aside, file), root])
    }
    await finish?.(aside, place)
    await rename(aside, place)
    return place
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** The directory where they are, or would be. @param {string} name */
export const placeOf = (name) => join(project, 'node_modules/.cache', name)

/** Where this machine gets Debian's packages. */
function archive() {
  const words = ['indextargets', '--format', '$(SITE) $(COMPONENT)', 'Created-By: Packages', 'Origin: Debian']
  const { status, stdout } = spawnSync('apt-get', words, { encoding: 'utf8' })
  const sites = (status === 0 ? stdout : '').split('\n').filter((line) => line.endsWith(' main'))
  const site = sites.map((line) => line.split(' ')[0]).find((each) => !each.endsWith('-security'))
  if (site === undefined) throw new Error('apt-get knows no archive of Debian: run apt-get update')
  return site
}

/** @param {string} program @param {readonly string[]} words @param {string} [cwd] */
export function must(program, words, cwd = project) {
  const { status, error } = spawnSync(program, words, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw error ?? new Error(`${program} ${words[0]} ended with ${status}`)
}
