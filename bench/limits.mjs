/** Why a budget cannot be met, as far as that was measured. Told on the page beside those that were not. */

/** @type {readonly (readonly [budgets: RegExp, why: string])[]} */
const LIMITS = [
  [
    /^(copy --to|drop|drop --from|fsck --fast --from) -J1, file$/,
    'A key costs our program 0.2–0.4 ms more than the floor, which answers from one synchronous loop and makes no directories. For a `copy` that is three directories, a temporary file, a flush and a rename in place of a write and a rename; for the others, and half of it there, it is the way through the ' +
      "event loop and the first thousand requests in node's interpreter (seen in processor profiles; no single function has more than 5 %).",
  ],
  [
    /^(copy --to|drop) -J1, ssh$/,
    'A key costs one round trip to check and two to store. On this machine both ends and git-annex share two processors, and each of the turns wakes sshd, sftp-server and our program in turn: about 0.4 ms a trip.',
  ],
  [
    /annex-verify=false/,
    'git-annex\'s own work for an external remote\'s `get` without any check is more than the budget: the table has the floor in the column "get, annex-verify=false". What is left for us to save is nothing.',
  ],
  [
    /^large file copy, ssh$/,
    '`ssh cat` does not flush what it wrote, and we do; beside `put, then sync` we are faster than the ratio says. The rest is git-annex, which starts and records besides.',
  ],
  [
    /^small files copy -J8, 20 ms/,
    'A job takes about 200 ms for a key: three round trips are 124 of them (one to check, two to store), and what git-annex itself needs at -J8 on two processors is 76, as the rows of a near host show.',
  ],
  [
    /^compaction/,
    'Every key is read back and its MD5 computed on one processor (2.1 of 9 s for 1 GB in a processor profile) while 7z only packs, 10,000 files and 30,000 directories are removed, and the rest is counted again.',
  ],
]

/** @param {{what: string, met: boolean | undefined}[]} budgets @returns {string} a list in Markdown, empty when all is met */
export function reasons(budgets) {
  const missed = budgets.filter(({ met }) => met === false)
  return LIMITS.flatMap(([pattern, why]) => {
    const names = missed.filter(({ what }) => pattern.test(what)).map(({ what }) => what)
    return names.length === 0 ? [] : [`- ${names.join('; ')}: ${why}`]
  }).join('\n')
}
