/** What is loaded when a dataset turns out to have an archive. */
export { Archive } from '../../archive/archive.ts'
export { IndexCache } from '../../archive/index/index-cache.ts'
