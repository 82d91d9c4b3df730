/**
 * What an archive may ask of us. A million members with names of 250 bytes are a header of half a
 * GiB; what is beyond these limits is `unsupported`, so that a hostile archive cannot take all
 * memory.
 */

/** Of the end header, unpacked; bytes. */
export const MAX_HEADER_BYTES = 1024 ** 3

/** Of members, of folders, and of packed streams, each. */
export const MAX_ITEMS = 2 ** 23

/** Of one member's name, in UTF-8; bytes. */
export const MAX_NAME_BYTES = 64 * 1024

/** Different ways of compression in one archive (coders with their properties). */
export const MAX_DESCRIPTIONS = 64 * 1024

/** Coders of one folder, and inputs of one coder. */
export const MAX_CODERS = 32

/** Properties of one coder; bytes. */
export const MAX_PROPERTIES_BYTES = 1024

/** A packed end header may again hold a packed one, so often. */
export const MAX_HEADER_NESTING = 4
