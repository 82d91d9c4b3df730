import { lchown, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { runOk, start } from '../../../support/programs/run.ts'
import { isRoot } from '../../../support/programs/users.ts'
import { read, write } from '../../../support/stores/stores.ts'
import { DATASET, HOSTILE, linkSuite, OBJECTS, OWNER, useLinkedStore } from '../link-suite.ts'

describe.skipIf(!isRoot).each([
  ['named by number', true],
  ['named by path', false],
])('a store on disk, directories %s,', (_how, byNumber) => {
  const use = useLinkedStore((root) => openLocalStore({ root, byNumber }))
  linkSuite(use)

  test('follows a link whose target was replaced, at once', async () => {
    const { store, directory, root } = use
    for (const disk of ['one', 'two']) await mkdir(`${directory}/${disk}`)
    await use.linkObjects(`${directory}/one`, 0)
    await write(store, `${OBJECTS}/a`, '1')
    expect(await store.stat(`${OBJECTS}/a`)).toBeDefined()
    await runOk('ln', ['-sfn', `${directory}/two`, `${root}/${OBJECTS}`])
    await writeFile(`${directory}/two/b`, '2')
    expect(await store.stat(`${OBJECTS}/b`)).toBeDefined()
  })

  test("makes what root makes in somebody's directory that one's", async () => {
    const { store, root } = use
    await lchown(`${root}/${DATASET}`, OWNER, HOSTILE)
    const sharing = { mode: 0o660, force: false }
    const within = DATASET
    await store.put(`${DATASET}/a/b/file`, bufferSource('x'), { within, sharing, temporary: `${DATASET}/t` })
    await store.append(`${DATASET}/c/log`, Buffer.from('x'))
    for (const path of ['a', 'a/b', 'a/b/file', 't', 'c', 'c/log']) {
      expect(await stat(`${root}/${DATASET}/${path}`), path).toMatchObject({ uid: OWNER, gid: HOSTILE })
    }
  })
})

describe.skipIf(!isRoot)('while somebody exchanges a directory for a link out of the store all the time', () => {
  const use = useLinkedStore((root) => openLocalStore({ root }))

  /**
   * A directory, and a link of a stranger in its place, in turn; it is a directory when it ends.
   */
  const EXCHANGER = `
    const fs = require('node:fs')
    const [place, link, aside] = process.argv.slice(1)
    process.stdin.on('end', () => process.exit()).resume()
    const move = (from, to) => {
      for (;;) {
        try {
          return fs.renameSync(from, to)
        } catch {}
        try {
          fs.rmSync(place, { recursive: true, force: true }) // the store made the directory that was away
        } catch {}
      }
    }
    const turn = () => {
      for (let n = 0; n < 200; n++) {
        fs.renameSync(place, aside)
        move(link, place)
        fs.renameSync(place, link)
        move(aside, place)
      }
      setImmediate(turn)
    }
    turn()`

  test.each([
    ['above the directory of a file', `${DATASET}/annex`, 'objects/'],
    ['of a file', OBJECTS, ''],
  ])('nothing is written, removed or read there (the directory %s)', async (_which, exchanged, below) => {
    const { store, root, outside, directory } = use
    const place = `${root}/${exchanged}`
    await lchown(`${root}/${DATASET}`, OWNER, OWNER)
    await mkdir(`${outside}/${below}`, { recursive: true })
    await writeFile(`${outside}/${below}precious`, 'precious')
    await symlink(outside, `${directory}/link`)
    await lchown(`${directory}/link`, HOSTILE, HOSTILE)
    const before = (await runOk('find', [outside])).stdout
    const words = [place, `${directory}/link`, `${directory}/aside`]
    const exchanger = start(process.execPath, ['-e', EXCHANGER, ...words], { stdin: 'open', timeoutMs: 60_000 })
    const tally = { worked: 0, refused: 0 }
    const attempt = async (work: Promise<unknown>) => {
      try {
        await work
        tally.worked += 1
      } catch {
        tally.refused += 1
      }
    }
    const seen: string[] = []
    try {
      for (let n = 0; n < 300; n++) {
        await attempt(write(store, `${OBJECTS}/new-${n}/file`, 'ours'))
        await attempt(write(store, `${OBJECTS}/precious`, 'ours'))
        await attempt(store.append(`${OBJECTS}/precious`, Buffer.from('')))
        await attempt(read(store, `${OBJECTS}/precious`).then((bytes) => seen.push(bytes.toString())))
        await attempt(store.move(`${OBJECTS}/precious`, `${OBJECTS}/moved`))
        await attempt(store.remove(`${OBJECTS}/precious`))
        await attempt(store.remove(`${OBJECTS}/new-${n}/file`, { pruneParents: 1 }))
      }
    } finally {
      exchanger.child.stdin?.end()
      await exchanger.done
    }
    expect(exchanger.stderr()).toBe('')
    expect(await readlink(`${directory}/link`)).toBe(outside)
    expect((await runOk('find', [outside])).stdout).toBe(before)
    expect(await readFile(`${outside}/${below}precious`, 'utf8')).toBe('precious')
    expect(seen).not.toContain('precious')
    expect(tally.worked).toBeGreaterThan(0)
    expect(tally.refused).toBeGreaterThan(0)
  })
})
