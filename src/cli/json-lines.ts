import type { Console } from './console.ts'

/** The version of what commands print as JSON. A field that is added does not change it. */
export const JSON_SCHEMA = 1

/** An object of a command's JSON output. What is not known is not in it. */
export type JsonObject = { readonly type: string } & Readonly<Record<string, unknown>>

/** Prints objects, one a line; the first says by which version of the schema they are. */
export class JsonLines {
  readonly #console: Console
  #begun = false

  constructor(console: Console) {
    this.#console = console
  }

  print(object: JsonObject): void {
    this.#console.print(JSON.stringify(this.#begun ? object : { schema: JSON_SCHEMA, ...object }))
    this.#begun = true
  }
}
