/** A checksum that is being computed. */
export interface Hasher {
  update(bytes: Uint8Array): unknown
  hex(): string
}
