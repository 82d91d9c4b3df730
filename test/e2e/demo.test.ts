import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { explain, run } from '../support/programs/run.ts'

test('the demo shows what it says', async () => {
  const env = { ...process.env, RIASTORE_DEMO_MIB: '5' } // it bundles itself, and has a workspace of its own
  const result = await run(process.execPath, [join(projectDirectory, 'scripts/demo.mjs')], { env })
  expect(result.status, explain(result)).toBe(0)
  expect(result.stdout).toContain('Every file came back with the checksum it had.')
  expect(result.stdout).toMatch(/made the special remote lab-storage[\s\S]*Clone http.*study\.git/)
  if (existsSync('/dev/fuse')) expect(result.stdout).toContain('read every file in the folder')
  expect(result.stdout).toMatch(/look at the page http:.*[\s\S]*read a file by its path/)
  expect(result.stdout).toContain('Everything is removed again.')
})
