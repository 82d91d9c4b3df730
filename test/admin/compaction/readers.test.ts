import { describe, expect, test } from 'vitest'
import type { LooseKey } from '../../../src/admin/compaction/loose-table.ts'
import { archiveMode, hasOtherReaders, permissionsFor } from '../../../src/admin/compaction/readers.ts'

const key = (mode: number, uid = 1, gid = 1) => ({ permissions: { uid, gid, mode } }) as LooseKey
const archive = (mode: number, uid = 1, gid = 1) => ({ uid, gid, mode })
const GROUP = { mode: 0o660, force: false }
const EXACTLY_GROUP = { mode: 0o660, force: true }

describe('a key stays loose', () => {
  test.each([
    ['that nobody else may read, beside an archive for all', key(0o400), archive(0o644), undefined],
    ['of a group, beside an archive for all', key(0o440), archive(0o644), undefined],
    ['for all, beside an archive of a group', key(0o444), archive(0o640), undefined],
    ['of another group', key(0o440, 1, 2), archive(0o640), undefined],
    ['of another user alone', key(0o400, 2), archive(0o600), undefined],
    ['that nobody else may read, where the archive will be shared', key(0o400), archive(0o600), GROUP],
  ])('%s', (_which, loose, permissions, sharing) => {
    expect(hasOtherReaders(loose, permissions, sharing)).toBe(true)
  })
})

describe('a key is packed', () => {
  test.each([
    ['that all may read, into an archive for all', key(0o444, 2, 2), archive(0o644), undefined],
    ['of a group, into an archive of that', key(0o440, 2), archive(0o640), undefined],
    ['of a user alone, into his own', key(0o400), archive(0o600), undefined],
    ['that more may read than core.sharedRepository says', key(0o444, 2, 2), archive(0o660), EXACTLY_GROUP],
    ['where nobody knows who may read', {} as LooseKey, undefined, undefined],
  ])('%s', (_which, loose, permissions, sharing) => {
    expect(hasOtherReaders(loose, permissions, sharing)).toBe(false)
  })
})

test('a new archive has the owner and the readers of most keys, and of the archive before it', () => {
  const keys = [key(0o400, 1), key(0o440, 2, 3), key(0o440, 2, 3)]
  expect(permissionsFor(keys, undefined)).toEqual({ uid: 2, gid: 3, mode: 0o640 })
  expect(permissionsFor(keys, archive(0o644, 5, 6))).toEqual({ uid: 5, gid: 6, mode: 0o644 })
  expect(archiveMode(archive(0o600), GROUP).toString(8)).toBe('660')
})
