/** What a run is asked to do: flags first, then the environment, then the defaults. */
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `node bench/run.mjs [options]     (each option also as BENCH_<NAME>, e.g. BENCH_FILES=50)

  --files N        how many small files                          (1000)
  --big SIZE       the large file, e.g. 1GiB, 64MiB              (1GiB)
  --rounds N       how often everything is measured              (3)
  --cold N         how often a cold checkpresentkey is measured  (12)
  --members N      members of the largest archive; the others have a hundredth and a thousandth of that,
                   and a hundredth is packed                     (1000000)
  --only REGEX     only the blocks whose name matches, e.g. 'small/ours', 'big/', 'far/' (see --list)
  --list           print the names of the blocks and end
  --dir DIR        repositories and stores lie here              (/dev/shm)
  --disk-dir DIR   the same for the rows about a real disk       (the system's temp directory)
  --before DIR     another checkout, built: its special remote is measured beside ours, for small files
                   and cold starts                               (none)
  --quick          50 files, 64MiB, 1 round, 3 cold starts, 100000 members
  --limit SECONDS  a program that takes longer is killed and reported (900)
  --patience SECONDS  a block that took longer than this is measured in one round only (240)
  --update         put what is measured in the place of the same suites in bench/results.json (of bulk: of the same way
                   to a store), keep the others, and write docs/benchmarks.md: for a full bench in several parts
  --write          write docs/benchmarks.md and bench/results.json even if this is not a full run
  --report         write docs/benchmarks.md from bench/results.json, measure nothing
  --help`

/** @param {string} text e.g. `1GiB`, `16 MiB`, `4096` @returns {number} bytes */
export function parseSize(text) {
  const match = /^(\d+)\s*(?:([KMG])(?:i?B)?|B)?$/i.exec(text.trim())
  if (!match) throw new Error(`not a size: ${text}`)
  return Number(match[1]) * 1024 ** ' KMG'.indexOf((match[2] ?? ' ').toUpperCase())
}

const FLAGS = /** @type {const} */ ({
  files: { type: 'string' },
  big: { type: 'string' },
  rounds: { type: 'string' },
  cold: { type: 'string' },
  members: { type: 'string' },
  only: { type: 'string' },
  list: { type: 'boolean' },
  dir: { type: 'string' },
  'disk-dir': { type: 'string' },
  before: { type: 'string' },
  quick: { type: 'boolean' },
  limit: { type: 'string' },
  patience: { type: 'string' },
  write: { type: 'boolean' },
  update: { type: 'boolean' },
  report: { type: 'boolean' },
  help: { type: 'boolean' },
})

/** @param {string[]} argv @param {NodeJS.ProcessEnv} env */
export function readOptions(argv, env) {
  const { values } = parseArgs({ args: argv, options: FLAGS })
  const given = (/** @type {keyof typeof FLAGS} */ name) =>
    values[name] ?? (env[`BENCH_${name.toUpperCase().replace('-', '_')}`] || undefined)
  const quick = Boolean(given('quick'))
  const count = (/** @type {keyof typeof FLAGS} */ name, /** @type {number} */ full, /** @type {number} */ short) => {
    const number = Number(given(name) ?? (quick ? short : full))
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} wants a whole number above 0`)
    return number
  }
  const only = given('only')
  const before = given('before')
  return Object.freeze({
    files: count('files', 1000, 50),
    big: parseSize(String(given('big') ?? (quick ? '64MiB' : '1GiB'))),
    rounds: count('rounds', 3, 1),
    cold: count('cold', 12, 3),
    members: count('members', 1_000_000, 100_000),
    limit: count('limit', 900, 300),
    patience: count('patience', 240, 240),
    only: only === undefined ? undefined : String(only),
    dir: String(given('dir') ?? '/dev/shm'),
    diskDir: String(given('disk-dir') ?? tmpdir()),
    before: before === undefined ? undefined : resolve(String(before)),
    delay: 20,
    list: Boolean(given('list')),
    report: Boolean(given('report')),
    help: Boolean(given('help')),
    write: Boolean(given('write')),
    update: Boolean(given('update')),
  })
}

/**
 * Whether the figures are fit to publish.
 * @param {Pick<ReturnType<typeof readOptions>, 'only' | 'files' | 'big' | 'rounds' | 'members'>}
 * options
 */
export const isFullRun = (options) =>
  options.only === undefined &&
  options.files >= 1000 &&
  options.big >= 1024 ** 3 &&
  options.rounds >= 3 &&
  options.members >= 1_000_000
