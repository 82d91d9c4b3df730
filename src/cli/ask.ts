import { createInterface } from 'node:readline'
import { Interrupted } from './terminal.ts'

export interface Asking {
  /** Aborted, with an Interrupted, by a Ctrl-C. */
  readonly stop: AbortController
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /**
   * `input` gives each key as it is pressed, so that Ctrl-C is a key too. Default: whether `output`
   * is a terminal.
   */
  readonly terminal?: boolean
}

/**
 * Asks a question on a terminal. The end of the input is a no. Rejects with the reason of `stop`,
 * as everything does that is interrupted: while a question waits, the terminal hands Ctrl-C to us
 * as a key, and no signal comes.
 */
export async function ask(question: string, { stop, input, output, terminal }: Asking): Promise<boolean> {
  const { signal } = stop
  signal.throwIfAborted()
  const prompt = createInterface({ input, output, ...(terminal !== undefined && { terminal }) })
  const interrupt = () => stop.abort(new Interrupted('SIGINT'))
  prompt.on('SIGINT', interrupt)
  try {
    return await new Promise<boolean>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      prompt.on('close', () => resolve(false))
      prompt.question(`${question} [y/N] `, (answer) => resolve(/^(y|yes)$/i.test(answer.trim())))
    })
  } finally {
    prompt.close()
    if (signal.aborted) output.write('\n') // the cursor stands behind the question
  }
}
