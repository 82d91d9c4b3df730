import { expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { isSameStore, placeSibling } from '../../../src/setup/sibling/place.ts'

const ID = 'ed068d26-1130-4775-91fe-1eee5d9931aa'
const NONE = new GitConfig([])

// What DataLad 0.18.1 makes of these URLs (decode_source_spec), but for the first, which
// create-sibling-ria gives as a path.
test.each([
  ['ria+file:///a/b%20c', '/a/b c/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+ssh://h/a/b', 'ssh://h/a/b/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+ssh://u@h:22/a/b/', 'ssh://u@h:22/a/b/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+ssh://h:/a/b', 'ssh://h/a/b/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+ssh://h/a%20b', 'ssh://h/a%20b/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+ssh://u@[::1]:22/a', 'ssh://u@[::1]:22/a/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+sftp://u@h:2/p', 'sftp://u@h:2/p/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
  ['ria+s3+https://h:1/bucket/p/', 's3+https://h:1/bucket/p/ed0/68d26-1130-4775-91fe-1eee5d9931aa'],
])('the git URL for %s is the one that DataLad would give', (url, expected) => {
  expect(placeSibling(ID, { url }, NONE)).toMatchObject({ gitUrl: expected, gitPushUrl: undefined })
})

test('with a URL to write through, that is where the store is opened, and git pushes', () => {
  const place = placeSibling(ID, { url: 'ria+https://h/x', pushUrl: 'ria+file:///a b' }, NONE)
  expect(place).toMatchObject({
    gitUrl: 'https://h/x/ed0/68d26-1130-4775-91fe-1eee5d9931aa',
    gitPushUrl: 'file:///a%20b/ed0/68d26-1130-4775-91fe-1eee5d9931aa',
    location: { scheme: 'file', path: '/a b' },
  })
})

test("git's insteadOf counts here, and is not recorded for others", () => {
  const config = new GitConfig([['url.ria+ssh://inside/data.insteadof', 'ria+ssh://outside']])
  const place = placeSibling(ID, { url: 'ria+ssh://outside/store' }, config)
  expect(place.url).toBe('ria+ssh://outside/store')
  expect(place.gitUrl).toBe('ssh://inside/data/store/ed0/68d26-1130-4775-91fe-1eee5d9931aa')
})

test.each([
  [{ url: 'ria+https://h/x' }, /can only be read: give --push-url too/],
  [{ url: 'ria+https://h/x', pushUrl: 'ria+https://h/x' }, /can only be read: --push-url is where to write/],
  [{ url: 'ria+https://user:secret@h/x', pushUrl: 'ria+file:///x' }, /^(?!.*secret).*with a password/],
  [{ url: '/store' }, /does not start with ria\+/],
  [{ url: 'ria+ssh://h/~/x' }, /a path that begins with \/~/],
])('%j is refused', (urls, reason) => {
  expect(() => placeSibling(ID, urls, NONE)).toThrow(reason)
})

test('a store is recorded without slashes at its end', () => {
  const place = placeSibling(ID, { url: 'ria+ssh://host/store//', pushUrl: 'ria+file:///a/store/' }, NONE)
  expect([place.url, place.pushUrl]).toEqual(['ria+ssh://host/store', 'ria+file:///a/store'])
})

test.each<[string, string, boolean]>([
  ['ria+file:///a/store', 'ria+file:///a/store/', true],
  ['ria+file:///a/s%74ore//', 'ria+file:///a/store', true],
  ['ria+ssh://nick/store', 'ria+ssh://host/data/store', true],
  ['ria+file:///a/store', 'ria+file:///a/store2', false],
  ['ria+ssh://host/store', 'ria+sftp://host/store', false],
  ['no URL', 'no URL', true],
  ['no URL', 'no URL/', false],
])('%s and %s are one store: %s', (one, other, expected) => {
  const config = new GitConfig([['url.ria+ssh://host/data.insteadof', 'ria+ssh://nick']])
  expect(isSameStore(config, one, other)).toBe(expected)
})
