import { describe, expect, test } from 'vitest'
import { Removal } from '../../../src/ria/keys/removal.ts'
import type { Store } from '../../../src/store/store.ts'
import { CONTENT, memoryStore, PLACE, put, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

/** A store that tells what it is asked; it answers a removal when `answer` is called. */
async function slowStore(looksTogether: boolean) {
  const memory = await memoryStore()
  await put(memory, PLACE, CONTENT)
  const asked: string[] = []
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const again: (() => void)[] = []
  const store: Store = withMethods(memory, {
    remove: async (path, options) => {
      const send = () => {
        options?.mayChange?.()
        asked.push('remove')
      }
      again.push(send)
      await new Promise(setImmediate) // looks at the way
      send()
      await answered
      await memory.remove(path)
    },
    statAll: async (paths) => {
      asked.push('look')
      return memory.statAll(paths)
    },
  })
  return { store: withTraits(store, { looksTogether }), asked, answer, sendAgain: () => again[0]?.() }
}

const turns = async () => {
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
}

describe('what is looked for after a removal', () => {
  test('is looked for when it is answered, where a look may overtake it', async () => {
    const { store, asked, answer } = await slowStore(false)
    const look = new Removal(store, [PLACE], {}).lookAfter([PLACE])
    await turns()
    expect(asked).toEqual(['remove'])
    answer()
    expect(await look).toEqual(new Map())
    expect(asked).toEqual(['remove', 'look'])
  })

  test('is looked for right after it was sent, where one is done after the other', async () => {
    const { store, asked, answer } = await slowStore(true)
    const look = new Removal(store, [PLACE], {}).lookAfter([PLACE])
    await turns()
    expect(asked).toEqual(['remove', 'look'])
    answer()
    await look
    expect(asked).toEqual(['remove', 'look'])
  })

  test('is looked for anew when the removal had to be sent again', async () => {
    const { store, asked, answer, sendAgain } = await slowStore(true)
    const look = new Removal(store, [PLACE], {}).lookAfter([PLACE])
    await turns()
    sendAgain()
    answer()
    expect(await look).toEqual(new Map())
    expect(asked).toEqual(['remove', 'look', 'remove', 'look'])
  })

  test('is not known when the removal fails', async () => {
    const store = withMethods(await memoryStore(), {
      remove: () => Promise.reject(new Error('no removal')),
    })
    for (const looksTogether of [true, false]) {
      const removal = new Removal(withTraits(store, { looksTogether }), [PLACE, 'other'], {})
      await expect(removal.lookAfter([PLACE])).rejects.toThrow('no removal')
    }
  })
})
