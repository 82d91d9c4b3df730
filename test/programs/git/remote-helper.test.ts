import { expect, test } from 'vitest'
import { RemoteHelper } from '../../../src/git/remote-helper.ts'
import type { StoredRepository } from '../../../src/git/repository.ts'

test('why a push was refused is told to git without what a terminal acts on', async () => {
  const said: string[] = []
  const repository = {
    state: async () => ({ refs: new Map(), peeled: new Map(), head: undefined }),
    push: async () => ({ results: new Map([['refs/heads/x', 'refused\u001b[2Jby\nnobody']]), made: undefined }),
  } as unknown as StoredRepository
  const say = (...lines: readonly string[]) => said.push(...lines)
  const helper = new RemoteHelper(
    async () => repository,
    { verbosity: 1, progress: false },
    say,
    () => {},
  )
  await helper.handle('push :refs/heads/x')
  await helper.handle('')
  expect(said).toContain('error refs/heads/x refused\\u001b[2Jby nobody')
})
