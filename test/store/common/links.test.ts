import { describe, expect, test } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { aliasTarget, requireTrusted } from '../../../src/store/common/links.ts'

describe('a symbolic link', () => {
  const [US, OWNER, STRANGER] = [1000, 1001, 1002]
  const isFollowed = (link: number | undefined, strict: boolean, us: { uid: number | undefined } = { uid: US }) => {
    try {
      requireTrusted({ link, directory: OWNER, us: us.uid }, { op: 'get', strict }, '/store/link')
      return true
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'denied') return false
      throw error
    }
  }

  test.each([
    ['root', 0, true, true],
    ['ourselves', US, true, true],
    ['the owner of the directory', OWNER, true, false],
    ['anybody else', STRANGER, false, false],
    ['nobody knows whom', undefined, false, false],
  ])('of %s: whether it is followed, to read and to change', (_whose, link, toRead, toChange) => {
    expect([isFollowed(link, false), isFollowed(link, true)]).toEqual([toRead, toChange])
  })

  test('of an unknown user is not taken for ours when we do not know who we are', () => {
    expect([isFollowed(undefined, false, { uid: undefined }), isFollowed(US, true, { uid: undefined })]).toEqual([
      false,
      false,
    ])
  })
})

describe('the link of an alias', () => {
  test.each([
    ['../abc/def', 'abc/def'],
    ['/store/abc/def', 'abc/def'],
    ['/real/abc/def/', 'abc/def'],
    ['../abc/..', undefined],
    ['../abc/def/annex', undefined],
    ['../../abc/def', undefined],
    ['../.../def', undefined],
    ['/stores/abc/def', undefined],
    ['abc/def', undefined],
    ['', undefined],
  ])('that says %j names %j', (target, expected) => {
    expect(aliasTarget(target, ['/store', '/real'])).toBe(expected)
  })
})
