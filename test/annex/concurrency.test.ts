import { expect, test } from 'vitest'
import { isSeveral, jobsInCommand, parentCommand } from '../../src/annex/concurrency.ts'

test.each<[string, boolean | 'unsaid' | undefined]>([
  ['git-annex copy --to store', 'unsaid'],
  ['git-annex copy --to store -J4', true],
  ['git-annex copy -J 4 --to store', true],
  ['git-annex get --jobs=cpus .', true],
  ['git-annex get --jobs 2', true],
  ['git-annex get -J1', false],
  ['git-annex get -J 1', false],
  ['git-annex get --jobs=1', false],
  ['git-annex get -J', 'unsaid'],
  ['', undefined],
  ['node vitest -J4', undefined],
  ['/lib/ld-linux.so.2 /opt/git-annex.linux/git-annex get -J4', true],
])('the command line %j asks for several jobs: %j', (command, several) => {
  expect(jobsInCommand(command.split(' '))).toBe(several)
})

test('everything but 1 is several jobs', () => {
  expect(['1', ' 1\n', '2', 'cpus'].map(isSeveral)).toEqual([false, false, true, true])
})

test('the command line of whoever started us is known where the system shows it', () => {
  expect(parentCommand()).toEqual(process.platform === 'linux' ? expect.arrayContaining(['']) : undefined)
})
