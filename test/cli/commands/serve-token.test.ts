import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { riastore } from '../../support/programs/console-double.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string

beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(directory.path, 'access.json')
})
afterEach(() => directory.remove())

const token = (...words: string[]) => riastore(['serve', 'token', ...words, '--access', file])

test('a token is shown once, and kept as a hash that its owner alone can read', async () => {
  const made = await token('make', '--dataset', '~scans', '--expires', '2d', 'alice')
  expect(made.code).toBe(0)
  const secret = made.stdout.trim()
  expect(secret).toMatch(/^riastore-[\w-]{43}$/)
  expect(await readFile(file, 'utf8')).not.toContain(secret)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const { stdout } = await token('ls', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ name: 'alice', datasets: ['~scans'], expires: expect.any(String) })
  expect(stdout).not.toContain(secret)
})

test('a token is revoked, and others stay', async () => {
  for (const name of ['alice', 'bob']) await token('make', '--expires', 'never', name)
  expect((await token('rm', 'alice', '--dry-run')).stdout).toBe('would revoke alice\n')
  expect((await token('rm', 'alice')).stdout).toBe('revoked alice\n')
  expect((await token('ls')).stdout).toMatch(/^bob {2}\* {2}made [\d-]+ {2}does not expire\n$/)
})

test('of two who change the access file at once neither undoes what the other was told was done', async () => {
  await token('make', 'leaked')
  const names = ['a', 'b', 'c', 'd']
  const done = await Promise.all([token('rm', 'leaked'), ...names.map((name) => token('make', name))])
  const kept = (await token('ls')).stdout.split('\n').map((line) => line.split(' ')[0])
  const made = names.filter((_name, i) => done[i + 1]?.code === 0)
  expect(kept.filter((name) => name !== '' && name !== 'leaked').sort()).toEqual(made)
  expect(kept.includes('leaked')).toBe(done[0]?.code !== 0)
  for (const { code, stderr } of done) if (code !== 0) expect(stderr).toContain('somebody changes it')
  expect(await readdir(directory.path)).toEqual(['access.json'])
})

test('a lock that was left is told of, with what to do, and nothing is changed', async () => {
  await writeFile(`${file}.lock`, '')
  const { code, stdout, stderr } = await token('make', 'alice')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(`${file}.lock is there: somebody changes it, or was killed; then remove it`)
  expect(await readdir(directory.path)).toEqual(['access.json.lock'])
})

test('what is wrong gets one line, and changes nothing', async () => {
  await token('make', 'alice')
  const before = await readFile(file, 'utf8')
  for (const [words, message] of [
    [['make', 'alice'], /already/],
    [['make'], /which token/],
    [['make', '__proto__'], /no name of a token/],
    [['make', 'a/b'], /no name of a token/],
    [['make', 'bob', '--expires', 'soon'], /no age/],
    [['rm', 'bob'], /no token bob/],
    [['forget', 'alice'], /none of make, ls, rm/],
  ] as const) {
    const { code, stdout, stderr } = await token(...words)
    expect([code, stdout, stderr], words.join(' ')).toEqual([2, '', expect.stringMatching(message)])
    expect(stderr.trim()).not.toContain('\n')
  }
  expect(await readFile(file, 'utf8')).toBe(before)
})

test('riastore serve wants to know who may read before it listens for others', async () => {
  const serve = (...words: string[]) => riastore(['serve', directory.path, ...words])
  for (const [words, message] of [
    [['--listen', '0.0.0.0:0'], /--access FILE, or --public/],
    [['--access', file], /token make/],
    [['--proxy', '127.0.0.1'], /--access FILE says/],
    [['--access', file, '--public'], /do not go together/],
    [['--max-rate', '0'], /is 0/],
  ] as const) {
    expect(await serve(...words), words.join(' ')).toMatchObject({ code: 2, stderr: expect.stringMatching(message) })
  }
})
