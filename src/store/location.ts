import type { SshTarget } from './ssh/config.ts'

/** Where a store is. `ssh` and `sftp` differ only for git: keys always go over SFTP. */
export type StoreLocation =
  | { readonly scheme: 'file'; readonly path: string }
  | { readonly scheme: 'ssh' | 'sftp'; readonly path: string; readonly target: SshTarget }
  | { readonly scheme: 'http' | 'https'; readonly url: string }
  | {
      readonly scheme: 'dav' | 'davs'
      /** `http[s]://host[:port][/path]`, without credentials. */
      readonly url: string
      /** Who logs in, where the store's URL says it. */
      readonly user?: string | undefined
    }
  | {
      readonly scheme: 's3+http' | 's3+https'
      /** `http[s]://host[:port]` */
      readonly endpoint: string
      readonly bucket: string
      /** Without slashes at its ends; empty for the bucket itself. */
      readonly prefix: string
    }

/** A store in S3. */
export type S3Location = Extract<StoreLocation, { readonly bucket: string }>

/** The location as one in a bucket; undefined when it is none. */
export function inBucket(location: StoreLocation): S3Location | undefined {
  return 'bucket' in location ? location : undefined
}
