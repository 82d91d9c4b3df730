import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { type AnnexRepo, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const FEW = 3
const MANY = 13

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  const timeless = workspace.path('timeless.cjs')
  await writeFile(timeless, TIMELESS)
  const env = { ...scene.env, NODE_OPTIONS: `--require=${timeless}` }
  repo = (await makeDataset(workspace, 'dataset')).with({ env })
  const id = await scene.addDataset(await datasetId(repo))
  const files = (directory: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${directory}/${i}.txt`, `${directory} ${i}\n`]))
  await repo.add({ ...files('few', FEW), ...files('many', MANY) })
  await initRemote(repo, scene.url, id, { name: 'storage' })
})
afterAll(() => workspace?.remove())

/**
 * For our program time stands still: what was seen of the dataset stays a moment old, however busy
 * the machine is.
 */
const TIMELESS = `
  const [steady, wall] = [performance.now(), Date.now()]
  performance.now = () => steady
  Date.now = () => wall
`

/** What is asked once a second, whatever the number of files. */
const OF_THE_DATASET = /\/(archives\/archive\.7z|archives\/lock|ria-layout-version)(\?|$)/

/** What one more file costs: requests by method. What a command asks once does not count. */
async function requestsPerFile(...command: string[]): Promise<string> {
  const counts = async (directory: string) => {
    scene.faults.reset()
    await repo.annex(...command, directory)
    const requests = scene.faults.requests.filter((request) => !OF_THE_DATASET.test(request))
    const methods = requests.map((request) => request.split(' ', 1)[0] ?? '')
    return new Map([...new Set(methods)].map((method) => [method, methods.filter((each) => each === method).length]))
  }
  const few = await counts('few')
  const many = await counts('many')
  return [...many.keys()]
    .map((method) => [method, ((many.get(method) ?? 0) - (few.get(method) ?? 0)) / (MANY - FEW)] as const)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([method, count]) => `${count} ${method}`)
    .join(', ')
}

test('each command costs as many requests for a file as docs/s3.md says', async () => {
  const commands = {
    'copy --to': ['copy', '--to', 'storage'],
    'fsck --fast --from': ['fsck', '--fast', '--from', 'storage'],
    drop: ['drop'],
    'get --from': ['get', '--from', 'storage'],
    'drop --from': ['drop', '--from', 'storage'],
  }
  const measured: string[] = []
  for (const [name, command] of Object.entries(commands)) {
    measured.push(`| \`git annex ${name}\` | ${(await requestsPerFile(...command)) || 'none'} |`)
  }
  const page = await readFile(join(projectDirectory, 'docs/s3.md'), 'utf8')
  expect(page.split('\n').filter((line) => line.startsWith('| `git annex '))).toEqual(measured)
})
