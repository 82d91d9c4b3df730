import type { Folder } from './folder.ts'

const NAMES: Readonly<Record<string, string>> = {
  '00': 'Copy',
  '03': 'Delta',
  '04': 'BCJ',
  '05': 'PPC',
  '06': 'IA64',
  '07': 'ARM',
  '08': 'ARMT',
  '09': 'SPARC',
  '0a': 'ARM64',
  '0b': 'RISCV',
  '21': 'LZMA2',
  '020302': 'Swap2',
  '020304': 'Swap4',
  '030101': 'LZMA',
  '03030103': 'BCJ',
  '0303011b': 'BCJ2',
  '03030205': 'PPC',
  '03030301': 'Alpha',
  '03030401': 'IA64',
  '03030501': 'ARM',
  '03030605': 'M68',
  '03030701': 'ARMT',
  '03030805': 'SPARC',
  '030401': 'PPMd',
  '040108': 'Deflate',
  '040109': 'Deflate64',
  '040202': 'BZip2',
  '04f71101': 'Zstandard',
  '04f71102': 'Brotli',
  '04f71104': 'LZ4',
  '04f71105': 'LZ5',
  '04f71106': 'Lizard',
}

const ENCRYPTION = /^06f1/

/** The method's id in the one form that is used here. */
export function methodId(method: string): string {
  return method.toLowerCase()
}

/** For people: `BCJ2 + LZMA`, or the ids of what we have no name for. */
export function methodNames(folder: Folder): string {
  return folder.coders.map(({ method }) => NAMES[methodId(method)] ?? `method ${method}`).join(' + ')
}

export function isEncrypted(folder: Folder): boolean {
  return folder.coders.some(({ method }) => ENCRYPTION.test(methodId(method)))
}
