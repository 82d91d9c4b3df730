/**
 * Why a budget cannot be met, as far as that was measured. Told on the page beside those that were
 * not.
 */

/** @type {readonly (readonly [budgets: RegExp, why: string])[]} */
const LIMITS = [
  [
    /^(copy --to|drop|drop --from|fsck --fast --from) -J1, file$/,
    'A key costs our program more than the floor, which makes no directories, flushes nothing and proves nothing. Since plain keys are handled without waiting (docs/decisions/0049-plain-keys-without-waiting.md) most of what is left is system calls: a `copy` is three directories, a temporary file, flushes and a rename in place of a write and a rename; to prove a key absent takes five stats. Driven without git-annex, 500 keys took 0.51 ms of processor time to be found absent and stored (1.52 before, ORA 0.28, the floor 0.09), 0.18 to be found (0.25, 0.05, 0.03) and 0.22 to be retrieved (0.67, 0.14, 0.06), medians of three turns on a heavily loaded machine; with its start our program took as much as ORA or less. Beside ORA alone on a quiet machine (2026-11-29, 400 files, seven rounds) a `copy` took 1.47 s (1.36–1.62) and ORA 1.45 (1.31–1.73), `drop` 1.21 (1.17–1.57) and 1.24 (1.19–1.66), `get` 2.87 (2.44–3.18) and 2.63 (2.54–2.82), `fsck --fast` 0.68 (0.65–0.73) and 0.71 (0.64–0.97), `drop --from` 1.39 (1.27–1.63) and 1.38 (1.22–1.55): no more than the noise. ' +
      'Tried, in processor time of 500 keys stored: V8 without its optimiser, or with it later, saves its second thread 0.5 ms a key of the way with promises, and nothing in the thread that answers; a young generation of 16 MiB, one thread for the collector, the baseline compiler from the start, or one thread for all of V8 save nothing.',
  ],
  [
    /^(copy --to|drop|drop --from|fsck --fast --from) -J1, ssh$/,
    'A key costs one round trip to check and two to store. On this machine both ends and git-annex share two processors, and each of the trips wakes sshd, sftp-server and our program in turn. Where a run has 200 files, a check takes 2 ms for each and the set-up is a good part of the whole: of 0.6 s for a `fsck` our cold start takes 0.15, and its connection 0.08. ORA takes longer for each of these rows.',
  ],
  [
    /^cold checkpresentkey, file$/,
    'Our program loads 250 KB in some twenty files: node started it, and ended it, in 0.08 s of processor time, and the floor in 0.05 (five and three turns, 2026-11-29). ORA takes longer.',
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
    /^(fsck --fast|get) --from, each key of an archive/,
    'The budget leaves 0.4 ms a key for a check and 1.5 ms for a get. Driven without git-annex, 1,000 checks took 0.30–0.43 ms each in an archive, 0.28–0.35 ms loose, and 0.06–0.13 ms with the floor: a check is four stats, of which three are there because keys move, drop and come back while archives are packed. ' +
      'Our own time for a check does not depend on the size of the archive (2.5 and 2.4 ms); the floor, which has no archive, took 1.8 ms beside the one and 2.1 beside the other, and that alone decides which of the two is within the budget.',
  ],
  [
    /^(copy --to|get --from|drop|fsck --fast --from|drop --from) -J1, S3$/,
    "A key goes from git-annex to our program, to the server and back, one after the other, and each time somebody has to wake up. Of a `get` of 500 keys on a loaded machine git-annex had 2.0 s of processor time, the server 1.2, and our program, with its start, 1.1 (1.2 and 1.3 by node's client for http, in turns with ours): requests for single objects go without the SDK, over connections of our own, and take 0.1 ms in a program that does nothing else (docs/decisions/0044-s3-connections.md). How much the rest is changes with the machine: of two more rounds, not in the table, with the SDK, the first was within every one of these budgets (copy 10.5 s, drop 6.4, get 9.2, fsck 4.4, drop --from 8.4), and the second took 14.7, 9.2, 12.2, 6.3 and 11.0.",
  ],
  [/^copy --to -J8, S3$/, 'As with one job: we and the server share two processors with git-annex.'],
  [
    /^large file copy, S3$/,
    'Measured without git-annex, one after the other in one run: 6.4 and 6.8 s as it is; 6.4 and 6.4 s with the content unsigned, as git-annex does it (over https it goes unsigned here too); 7.3 and 7.5 s with SHA-256 in threads; 5.7 to 7.6 s with parts of 8 MiB, 7.5 to 8.6 s of 32 and 64 MiB, 8.3 to 9.6 s with one or two parts on their way. ' +
      'What is left is the server, which makes 64 objects of what it gets as one from git-annex. One PUT would have to begin anew when it breaks, and ends at 5 GiB.',
  ],
  [
    /^riastore (put|get) of a large file, /,
    'What is moved is held against its checksum, which these tools do not do: the MD5 of 1 GiB alone takes 1.4 to 1.6 s of one processor here (`cp` 0.50 s, with `md5sum` after it 2.12). Since c71d7af reading, that checksum and writing go on at the same time, and a put to a disk takes 1.85 s, less than `cp` with `md5sum`; what comes before and after, for one key 0.3 s of processor time, is starting, having git-annex find the key, and recording it. What is stored is flushed. ' +
      'Over ssh, beside a load of 15 to 25: our side took 5.2 to 5.8 s of processor time for 1 GiB, of which MD5 was 1.4, V8 about 1 for the buffers of packets (32 KiB, of which OpenSSH takes no larger ones) and AES 0.3, and the server took 2.1 to 2.3; `ssh cat` took 1.9 on its side. That is with all that is written in one turn given to the system at once (afeed5d): of 256 MiB, five turns beside the same load, our system time was 0.47 s before and 0.33 after, the server 0.76 and 0.66. ' +
      'Not built: the checksum in a thread of its own, for it leaves the same 7.5 s of work to two processors, 3.7 s at best; and OpenSSH in place of ssh2 for large files, about 6 s of work, 3 at best: it takes a second connection for each of them, which servers limit and agents ask about.',
  ],
  [
    /^riastore get, (on a disk|over ssh)$/,
    'git-annex itself takes longer than that: the table of what it does of a get has its two steps. It lists the keys first, and merges their records when all else is done (it asks `git cat-file` for the old and the new log of each key). In processor time, for 10,000 keys in memory on a loaded machine: 1.0 and 0.5 s (1.3 s before 2026-11-29, when the old logs lay in single files and not in a pack), and `cp -r` 0.5 s, `rsync -a` 0.9 s on its own side. ' +
      'Between the two, and while git-annex lists keys, riastore takes 2.0 s from a disk and 2.4 over ssh, most of it in system calls (a key is read, checked, written, and gets a directory of its own that cannot be written to), and git 1.2 s to read and write the logs.',
  ],
  [
    /^riastore (from|to) the store, (on a disk|over ssh)$/,
    'Of the time for 10,000 keys on two processors, finding them by git-annex (1.0 s of processor time) and its merge of their records (0.5 s since the old logs are in a pack then, 1.3 s before, one request to `git cat-file` after the other) come first and last. Small keys are read while it finds others; while it merges there is nothing left to do. And `git annex copy` and `get` use our own special remote, which takes less time for a key since 2026-11-29 (docs/decisions/0049-plain-keys-without-waiting.md): on a disk a `copy` took 43 s before and 35 after.',
  ],
  [
    /^riastore (from the store|get), in S3$/,
    'The server shares two processors with us. A GET of 1 to 10 KiB takes 0.6 to 0.8 ms of its processor time, whoever asks (the requests alone are a row of the table), and 0.1 in a client that does nothing else. For 10,000 keys that is 3.7 s of both processors; finding the keys and merging their records, which git-annex does before and after, take 1.5 s (2.4 before the old logs were in a pack), and riastore itself 3.5 s of processor time (5.5 while each key had a call of the store; docs/bulk.md), on a loaded machine. Together that is 15.8 s, or 7.9 of both processors, in which they are never all busy: placing what came (0.4 s) and merging (1.0 s by the clock) come last, one after the other. In two quiet runs of 2026-11-29 it took 8.7 and 8.6 s (8.4–9.0), and `git annex get` with our own special remote 85 and 83. It was 9.5 s in the morning; placing keys while others still come, each so many after a sync of their own, is what could be done next.',
  ],
  [
    /^riastore to the store, in S3$/,
    'The server shares two processors with us. A PUT of 1 to 10 KiB takes 1.6 to 1.8 ms of its processor time, whoever asks (the requests alone are a row of the table): it makes the object, and an entry of it in the index of its bucket in two steps. For 10,000 keys that is 9 s of both processors on a loaded machine, and 7 by what is left of a run on a quiet one; finding the keys and merging their records, which git-annex does before and after, take 1.6 s by the clock. With the requests alone (7.1 s in the quiet runs of 2026-11-29, 9.0 in one before), 8.7 s is the least, and 8 to 9 × `git annex copy` (68 and 81 s in two runs, and 92 before requests went without the SDK) the most of a program that puts each key as an object. riastore took 12.0 and 12.8 s: its own 6 s of processor time, for each key takes every step of a call of the store, are wanted at the same time as those of the server.',
  ],
  [
    /^riastore to the archive, in S3$/,
    'The archive itself is not where the time goes. Of 7.3 s for 1,000 keys, with twenty other programs waiting for the two processors (`git annex copy` took 63.8 s right after): 0.9 s to start and to have git-annex merge, 0.5 its list of files, 1.3 to read the logs, 1.9 to connect, to take the lock and, beside it, for git to prepare the new logs, 0.4 to write the archive, 0.9 to send it and to read it back, 0.8 until it had its place and the lock was given up, 0.5 to record. ' +
      'Of that 32 requests, however many keys there are, and two seconds after the lock is there, in which nothing may get its place, and in which the archive is made. Of 10,000 keys git-annex and git take 2.6 s of processor time (docs/bulk.md), and `git annex copy` 9 ms a key on a quiet machine: a 25th of that is 3.7 s (2.7 s since requests go without the SDK, which made `git annex copy` faster), and those two seconds with finding and merging are 3.6 by the clock. It took 5.0 and 5.3 s (5.3–5.6) in two quiet runs of 2026-11-29, and 3.5 to a disk.',
  ],
  [
    /^compaction/,
    'Every key is read back and its MD5 computed on one processor (2.1 of 9 s for 1 GB in a processor profile) while 7z only packs, 10,000 files and 30,000 directories are removed, and the rest is counted again.',
  ],
]

/**
 * @param {{what: string, met: boolean | undefined}[]} budgets
 * @returns {string} a list in Markdown, empty when all is met
 */
export function reasons(budgets) {
  const missed = budgets.filter(({ met }) => met === false)
  return LIMITS.flatMap(([pattern, why]) => {
    const names = missed.filter(({ what }) => pattern.test(what)).map(({ what }) => what)
    return names.length === 0 ? [] : [`- ${names.join('; ')}: ${why}`]
  }).join('\n')
}
