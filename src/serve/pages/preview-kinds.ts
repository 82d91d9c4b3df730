/** SVG is left out: it is a program as much as a picture. */
const PICTURE = /\.(png|jpe?g|gif|webp|avif|bmp)$/i
const TABLE = /\.(tsv|csv)$/i
const TEXT = /\.(txt|md|markdown|rst|json|jsonl|ya?ml|toml|cff|bib|py|r|m|sh|js|ts|xml|html|log|bval|bvec)$/i

export function isPicture(name: string): boolean {
  return PICTURE.test(name)
}

export function isTable(name: string): boolean {
  return TABLE.test(name)
}

/** Whether there is a page that shows a file of that name. */
export function canPreview(name: string): boolean {
  return [PICTURE, TABLE, TEXT].some((pattern) => pattern.test(name))
}
