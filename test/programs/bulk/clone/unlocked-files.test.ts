import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Clone } from '../../../../src/bulk/clone/clone.ts'
import { unlockedFiles } from '../../../../src/bulk/clone/unlocked-files.ts'
import { KeyTable } from '../../../../src/core/tables/key-table.ts'
import { runOk } from '../../../support/programs/run.ts'

const KEY = 'MD5E-s5--5d41402abc4b2a76b9719d911017c592.txt'
const ODD = 'WORM-s5-m1--a&b%c:d/e'
const OTHER = 'MD5E-s5--00000000000000000000000000000000'

test('files that hold the pointer of a wanted key are found, and no others, also while files go', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'riastore-test-'))
  try {
    const git = (...args: string[]) => runOk('git', args, { cwd: directory })
    await git('init', '-q')
    await mkdir(join(directory, 'sub'))
    const files: Record<string, string> = {
      'sub/a\nname': `/annex/objects/${KEY}\n`,
      run: `/annex/objects/${KEY}`,
      odd: '/annex/objects/WORM-s5-m1--a&ab&sc&cd%e\nand what follows\n',
      other: `/annex/objects/${OTHER}\n`,
      text: `see /annex/objects/${KEY}\n`,
      content: `/annex/objects/${KEY}\n`,
      gone: `/annex/objects/${KEY}\n`,
      large: `/annex/objects/${KEY}\n${'x'.repeat(40_000)}`,
    }
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, name), text, { mode: name === 'run' ? 0o755 : 0o644 })
    }
    await symlink(`.git/annex/objects/x/y/${KEY}/${KEY}`, join(directory, 'link'))
    await git('-c', 'core.fileMode=true', 'add', '.')
    await writeFile(join(directory, 'untracked'), `/annex/objects/${KEY}\n`)
    await writeFile(join(directory, 'content'), 'hello')
    await rm(join(directory, 'gone'))
    const table = new KeyTable()
    const [key, odd] = [table.add(KEY), table.add(ODD)]
    const clone = { directory, isBare: false } as Clone
    const found = []
    for await (const { number, file } of unlockedFiles(clone, table)) found.push([number, file])
    expect(found.sort()).toEqual([
      [key, 'run'],
      [key, 'sub/a\nname'],
      [odd, 'odd'],
    ])
  } finally {
    await rm(directory, { recursive: true })
  }
})
