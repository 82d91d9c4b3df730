import { expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { dataset, memoryStore, UUID } from '../support/stores/memory-dataset.ts'

test.each(['../../..', 'x/../../../etc', '/etc/x', 'x\\..', 'x\n', 'x\0'])(
  'a special remote of the uuid %j, which would lead out of its dataset, is refused',
  async (annexUuid) => {
    const store = await memoryStore()
    expect(() => dataset(store, { annexUuid })).toThrow(ConfigError)
    expect(() => dataset(store, { annexUuid })).toThrow(/^the uuid of the special remote, ".*", is not one$/)
  },
)

test('any other uuid will do, whatever git-annex makes of it', async () => {
  const store = await memoryStore()
  for (const annexUuid of [UUID, 'web', '..', 'a b', 'ü']) expect(dataset(store, { annexUuid })).toBeDefined()
})
