import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandLinePage } from '../../../src/cli/help/markdown.ts'
import { projectDirectory } from '../../support/programs/programs.ts'

// After a change of the tables: npx vitest run --project unit test/cli/help/command-line.test.ts -u
test('docs/command-line.md tells of all commands what their tables say', async () => {
  await expect(commandLinePage()).toMatchFileSnapshot(join(projectDirectory, 'docs/command-line.md'))
})
