import { expect, test } from 'vitest'
import { readsContent } from '../../src/annex/fsck-command.ts'

test.each([
  ['git-annex fsck --from store', true],
  ['/usr/bin/git-annex fsck --from=store -J4 file', true],
  ['/lib/ld-linux.so.2 --library-path /opt/lib /opt/git-annex.linux/shimmed/git-annex/git-annex fsck -f store', true],
  ['/lib/ld-linux.so.2 --argv0 git-annex --library-path /opt/lib /opt/bin/git-annex fsck --from store', true],
  ['git-annex fsck --from store --fast', false],
  ['git-annex fsck -F --from store', false],
  ['git-annex fsck -vF --from store', false],
  ['git-annex get --from store fsck', false],
  ['git-annex get git-annex fsck', false],
  ['git-annex copy fsck', false],
  ['git-annex', false],
  ['node vitest fsck', false],
  ['', false],
])('the command %j reads the content of each key, to check it: %j', (command, reads) => {
  expect(readsContent(command.split(' '))).toBe(reads)
})
