import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ask } from '../../src/cli/ask.ts'
import { Interrupted } from '../../src/cli/terminal.ts'

/** Asks, and gives the keys that are pressed then. */
function asking(keys: string | undefined, terminal = true) {
  const stop = new AbortController()
  const [input, output] = [new PassThrough(), new PassThrough()]
  output.resume()
  const answer = ask('Really?', { stop, input, output, terminal })
  if (keys !== undefined) input.write(keys)
  return { answer, stop, input }
}

describe('a question', () => {
  test.each([
    ['y\r', true],
    ['YES\r', true],
    ['n\r', false],
    ['\r', false],
    ['yesterday\r', false],
  ])('that is answered with %j is answered with %s', async (keys, expected) => {
    expect(await asking(keys).answer).toBe(expected)
  })

  test('that is answered with Ctrl-C ends with 130, for it asks everything to stop', async () => {
    const { answer, stop } = asking('\x03')
    await expect(answer).rejects.toMatchObject({ name: 'Interrupted', exitCode: 130 })
    expect(stop.signal.reason).toBeInstanceOf(Interrupted)
  })

  test('that a signal interrupts is given up, with that reason', async () => {
    const { answer, stop } = asking(undefined)
    stop.abort(new Interrupted('SIGTERM'))
    await expect(answer).rejects.toMatchObject({ exitCode: 143 })
  })

  test.each([
    ['\x04', true],
    [undefined, false],
  ])('that the end of the input leaves without an answer (%j) is a no', async (keys, terminal) => {
    const { answer, input } = asking(keys, terminal)
    if (keys === undefined) input.end()
    expect(await answer).toBe(false)
  })
})
