import type { Terminal } from './terminal.ts'

/** The version of what commands print as JSON. A field that is added does not change it. */
export const JSON_SCHEMA = 1

/** An object of a command's JSON output. What is not known is not in it. */
export type JsonObject = { readonly type: string } & Readonly<Record<string, unknown>>

/** Prints objects, one a line; the first says by which version of the schema they are. */
export class JsonLines {
  readonly #terminal: Pick<Terminal, 'print'>
  #begun = false

  constructor(terminal: Pick<Terminal, 'print'>) {
    this.#terminal = terminal
  }

  print(object: JsonObject): void {
    this.#terminal.print(JSON.stringify(this.#begun ? object : { schema: JSON_SCHEMA, ...object }))
    this.#begun = true
  }
}
