import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { explain, runOk } from '../programs/run.ts'
import { AnnexRepo, field } from '../repos/annex-repo.ts'
import { type BulkScene, expectAllHere, whereis } from '../worlds/bulk-scene.ts'

/**
 * Starts `riastore` in a repository and ends it at once after a while: alone, or with all that it
 * started.
 */
async function kill(
  scene: BulkScene,
  repo: AnnexRepo,
  args: readonly string[],
  { afterMs, alone }: { readonly afterMs: number; readonly alone: boolean },
): Promise<void> {
  const run = scene.program.start(args, { cwd: repo.path, env: scene.env })
  await sleep(afterMs)
  if (alone) run.child.kill('SIGKILL')
  else run.killGroup('SIGKILL')
  await run.done
}

/** How long a command takes when nobody ends it; ms. */
async function durationOf(scene: BulkScene, repo: AnnexRepo, ...args: string[]): Promise<number> {
  const start = performance.now()
  const result = await scene.riastore(repo, ...args)
  expect(result.status, explain(result)).toBe(0)
  return performance.now() - start
}

/**
 * Gets into clones and is killed, each time at another moment; what is there then must be right,
 * and the next get must finish.
 */
export async function killGets(
  scene: BulkScene,
  files: Readonly<Record<string, Uint8Array>>,
  moments: number,
): Promise<void> {
  // A clone is copied in a tenth of the time that it takes to make one.
  const original = await scene.clone('original')
  const copy = async (name: string) => {
    const path = scene.workspace.path(name)
    await runOk('cp', ['-a', original.path, path])
    return new AnnexRepo(scene.workspace, path, original.options)
  }
  const total = await durationOf(scene, await copy('unkilled'), 'get')
  for (let i = 0; i < moments; i++) {
    const repo = await copy(`killed-${i}`)
    await kill(scene, repo, ['get'], { afterMs: Math.random() * total, alone: i % 2 === 0 })
    // Whatever has its place is whole, and what is recorded is there.
    for (const [file, object] of await objectsHere(repo)) {
      expect((await repo.read(object)).equals(files[file] as Buffer), file).toBe(true)
    }
    const uuid = await repo.uuid()
    const { stdout } = await repo.annex('find', `--in=${uuid}`, `--format=${field('file')}\\n`)
    for (const file of stdout.split('\n').slice(0, -1)) expect(await repo.has(file), file).toBe(true)
    const again = await scene.riastore(repo, 'get')
    expect(again.status, explain(again)).toBe(0)
    await expectAllHere(repo, files)
    await runOk('chmod', ['-R', 'u+w', repo.path])
    await rm(repo.path, { recursive: true })
  }
}

/**
 * Puts and is killed; git-annex may never be told of a key that the store does not have whole, and
 * the next put must finish.
 */
export async function killPuts(
  scene: BulkScene,
  files: Readonly<Record<string, Uint8Array>>,
  moments: number,
  ...options: string[]
): Promise<void> {
  const { source } = scene
  const names = Object.keys(files)
  const forget = () => source.annex('drop', '--from', 'store', '--force', ...names)
  const total = await durationOf(scene, source, 'put', ...options)
  await forget()
  for (let i = 0; i < moments; i++) {
    await kill(scene, source, ['put', ...options], { afterMs: Math.random() * total, alone: i % 2 === 0 })
    const { stdout } = await source.annex('find', '--in=store', `--format=${field('file')}\\n`)
    const recorded = stdout.split('\n').slice(0, -1)
    if (recorded.length > 0) {
      const check = await source.tryAnnex('fsck', '--from', 'store', ...recorded)
      expect([check.status, check.stdout.includes('fixing')], explain(check)).toEqual([0, false])
    }
    const again = await scene.riastore(source, 'put', ...options)
    expect(again.status, explain(again)).toBe(0)
    for (const name of names) expect(await whereis(source, name)).toContain(await source.uuid('store'))
    const fsck = await source.tryAnnex('fsck', '--from', 'store')
    expect([fsck.status, /fixing|not present|bad/.test(fsck.stdout)], explain(fsck)).toEqual([0, false])
    await forget()
  }
}

/**
 * The files whose keys are here, and where these lie. An unlocked file need not have got its
 * content yet.
 */
async function objectsHere(repo: AnnexRepo): Promise<[file: string, object: string][]> {
  const format = `${field('file')}\\000.git/annex/objects/${field('hashdirmixed')}${field('key')}/${field('key')}\\000`
  const { stdout } = await repo.annex('find', '--in=here', `--format=${format}`)
  const parts = stdout.split('\0').slice(0, -1)
  return Array.from({ length: parts.length / 2 }, (_, i) => [parts[2 * i] ?? '', parts[2 * i + 1] ?? ''])
}
