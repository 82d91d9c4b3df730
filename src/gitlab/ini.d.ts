declare module 'ini' {
  /** Sections by name; what stands before the first section is among them. */
  export function parse(text: string): Record<string, unknown>
}
