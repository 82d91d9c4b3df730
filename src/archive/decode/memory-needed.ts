import type { Coder, Folder } from './folder.ts'
import { methodId } from './methods.ts'

/**
 * About how much memory the decoders of a folder fill, in bytes: a window is no larger than the
 * content, a model as large as the properties say.
 */
export function memoryNeeded(folder: Folder): number {
  return folder.coders.reduce((sum, coder) => sum + needed(coder), 0)
}

function needed({ method, properties, unpackedSize }: Coder): number {
  const view = new DataView(properties.buffer, properties.byteOffset, properties.byteLength)
  const size = () => (view.byteLength >= 5 ? view.getUint32(1, true) : 0)
  switch (methodId(method)) {
    case '030101':
      return Math.min(size(), unpackedSize)
    case '21':
      return Math.min(lzma2Window(properties[0] ?? 0), unpackedSize)
    case '030401':
      return size()
    default:
      return 0
  }
}

function lzma2Window(property: number): number {
  return property >= 40 ? 2 ** 32 : (2 | (property & 1)) * 2 ** (Math.floor(property / 2) + 11)
}
