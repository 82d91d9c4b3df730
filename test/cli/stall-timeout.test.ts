import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { riastore } from '../support/programs/console-double.ts'

/** Takes connections and never says a word. */
let silent: Server
let url: string
const sockets = new Set<Socket>()

beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  url = `ria+http://127.0.0.1:${(silent.address() as { port: number }).port}/store`
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  silent?.close()
})

test.each([
  ['doctor', () => [url]],
  ['show', () => [url, '~alias']],
  ['archive', () => [url, '--list', '~alias']],
])('riastore %s gives a silent server up after --stall-timeout', async (command, words) => {
  const before = { ...process.env }
  const { code, stdout, stderr } = await riastore([command, ...words(), '--stall-timeout', '0.2'])
  expect(code).not.toBe(0)
  expect(stdout + stderr).toContain('no progress for 0.2 s')
  expect({ ...process.env }).toEqual(before)
})

test.each(['0', '-1', 'soon', '90000', ''])('--stall-timeout %j is refused in one line', async (value) => {
  const { code, stderr } = await riastore(['doctor', url, `--stall-timeout=${value}`])
  expect(code).toBe(2)
  expect(stderr).toMatch(/^riastore: --stall-timeout is ".*": a number of seconds above 0, and 86400 at most\?\n$/)
})
