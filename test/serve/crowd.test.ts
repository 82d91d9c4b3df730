import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalStore } from '../../src/store/local/local.ts'
import { type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, PLACE } from '../support/stores/memory-dataset.ts'
import { withMethods, write } from '../support/stores/stores.ts'

const CLIENTS = 60

let root: string
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'riastore-crowd-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** How many answers each of those had who asked again and again, until all had one. */
async function answersOfAll({ port }: ServedStore): Promise<readonly number[]> {
  const answers = Array.from({ length: CLIENTS }, () => 0)
  const sockets: Socket[] = []
  let without = CLIENTS
  await new Promise<void>((resolve, reject) => {
    for (let client = 0; client < CLIENTS; client++) {
      const socket = connect(port, '127.0.0.1')
      const ask = () => socket.write(`GET /${PLACE} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      let text = ''
      socket.on('connect', ask).on('error', reject)
      socket.setEncoding('latin1').on('data', (more: string) => {
        text += more
        if (!text.endsWith(CONTENT.toString())) return
        text = ''
        if (answers[client] === 0) without -= 1
        answers[client] = (answers[client] ?? 0) + 1
        if (without === 0) resolve()
        else ask()
      })
      sockets.push(socket)
    }
  })
  for (const socket of sockets) socket.destroy()
  return answers
}

test.each(['a disk', 'anywhere else'])(
  'of many who come at once to a store on %s nobody waits for the answers of those who were let in before',
  async (where) => {
    const store = openLocalStore({ root })
    await write(store, 'ria-layout-version', '1\n')
    await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
    await write(store, PLACE, CONTENT)
    const local = where === 'a disk'
    const served = await serveStore(withMethods(store, { traits: { ...store.traits, local } }))
    try {
      const answers = await answersOfAll(served)
      // Without turns the first has more than half as many as there are clients.
      expect(Math.max(...answers)).toBeLessThan(10)
    } finally {
      await served.close()
    }
  },
)
