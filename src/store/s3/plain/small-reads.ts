import type { GetSmallOptions, SmallFile } from '../../store.ts'
import type { BodyOrigin } from './answer-body.ts'
import type { AnswerHead } from './answer-head.ts'
import type { AnswerReceiver, BodyReceiver, Connection } from './connection.ts'

export interface SmallReadsOptions extends Pick<GetSmallOptions, 'atOnce' | 'onContent' | 'onProgress'> {
  readonly signal: AbortSignal
  /** A connection that nobody uses. */
  readonly connect: () => Connection
  /** Of a request for a path, with the empty line at its end. */
  readonly headOf: (path: string) => string
  /** Whether an answer has the whole content of an object, as it lies there. */
  readonly isWhole: (head: AnswerHead) => boolean
  /** A connection failed. */
  readonly onFailure: (error: Error) => void
}

/**
 * Reads small objects, several at once, each by a request. The next request leaves before the
 * content that came is looked at, so that the server does not wait for us. There is no promise, no
 * stream and no listener of its own for an object: all of them together cost more than the rest.
 */
export class SmallReads {
  readonly #files: readonly SmallFile[]
  readonly #options: SmallReadsOptions
  readonly #used = new Set<Connection>()
  #next = 0
  #resolve: () => void = () => {}

  constructor(files: readonly SmallFile[], options: SmallReadsOptions) {
    this.#files = files
    this.#options = options
  }

  /** Resolves when nothing more comes, also when it was given up. */
  async run(): Promise<void> {
    const { signal, atOnce } = this.#options
    if (signal.aborted) return
    signal.addEventListener('abort', this.#giveUp)
    try {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
        for (let i = 0; i < atOnce; i++) this.#readNext()
      })
    } finally {
      signal.removeEventListener('abort', this.#giveUp)
    }
  }

  #readNext(): void {
    const { signal, connect, headOf, onFailure, onContent } = this.#options
    const index = this.#next
    const file = signal.aborted ? undefined : this.#files[index]
    if (file === undefined) {
      if (this.#used.size === 0) this.#resolve()
      return
    }
    this.#next += 1
    const connection = connect()
    this.#used.add(connection)
    const onDone = (content: Buffer | undefined, error?: Error) => {
      this.#used.delete(connection)
      if (error !== undefined) onFailure(error)
      this.#readNext()
      if (content !== undefined && !signal.aborted) onContent(index, content)
    }
    connection.ask(headOf(file.path), undefined, new SmallRead(file.size, this.#options, onDone))
  }

  readonly #giveUp = () => {
    for (const connection of this.#used) connection.destroy()
  }
}

/** One of them: what waits for the answer, and for its body. */
class SmallRead implements AnswerReceiver, BodyReceiver {
  readonly isHead = false
  left: number
  readonly #size: number
  readonly #options: SmallReadsOptions
  readonly #onDone: (content: Buffer | undefined, error?: Error) => void
  #content: Buffer | undefined

  /** `onDone`: called once, with the content if it came. */
  constructor(size: number, options: SmallReadsOptions, onDone: (content: Buffer | undefined, error?: Error) => void) {
    this.left = size
    this.#size = size
    this.#options = options
    this.#onDone = onDone
  }

  begin(head: AnswerHead, length: number, origin: BodyOrigin): BodyReceiver {
    if (length !== this.#size || !this.#options.isWhole(head)) {
      origin.drop()
      this.#onDone(undefined)
    }
    return this
  }

  add(chunk: Buffer): void {
    const size = this.#size
    if (chunk.length === size) this.#content = chunk
    else {
      this.#content ??= Buffer.allocUnsafe(size)
      this.#content.set(chunk, size - this.left)
    }
    this.left -= chunk.length
    this.#options.onProgress?.(size - this.left)
  }

  end(): void {
    this.#onDone(this.#content ?? Buffer.alloc(0))
  }

  fail(error: Error): void {
    this.#onDone(undefined, error)
  }
}
