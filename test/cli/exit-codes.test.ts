import { expect, test } from 'vitest'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import { JsonLines } from '../../src/cli/json-lines.ts'
import { Interrupted } from '../../src/cli/terminal.ts'
import { ConfigError, StoreError } from '../../src/core/errors.ts'
import { noStore } from '../../src/ria/layout/no-store.ts'
import { openMemoryStore } from '../../src/store/memory.ts'

const storeError = (kind: StoreError['kind']) => new StoreError({ kind, op: 'get', where: '/store', message: 'no' })

test.each([
  [new ConfigError('which store?'), 2],
  [storeError('unreachable'), 4],
  [storeError('missing'), 1],
  [noStore(openMemoryStore()), 4],
  [new StoreError({ kind: 'conflict', op: 'lock', where: '/store', message: 'no' }), 5],
  [storeError('conflict'), 1],
  [storeError('denied'), 1],
  [storeError('corrupt'), 1],
  [new Error('anything'), 1],
  [new Interrupted('SIGINT'), 130],
  [new Interrupted('SIGTERM'), 143],
])('%s ends a command with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})

test('the first line of JSON says by which version of the schema all are', () => {
  const lines: string[] = []
  const json = new JsonLines({ print: (text) => lines.push(text) })
  json.print({ type: 'key', key: 'a' })
  json.print({ type: 'summary', keys: 1 })
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { schema: 1, type: 'key', key: 'a' },
    { type: 'summary', keys: 1 },
  ])
})
