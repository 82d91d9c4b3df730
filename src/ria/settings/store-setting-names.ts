/**
 * Settings of a store in S3: of a special remote, where they are committed, and of a named store.
 */
export const S3_SETTINGS = [
  { name: 'region', description: 'S3: region of the bucket. Default: what the address or AWS configuration says' },
  { name: 'storageclass', description: 'S3: storage class of new objects. Default: the server decides' },
  {
    name: 'storageclassminsize',
    description: 'S3: smaller objects do not get the storage class. Default: 128KiB',
  },
  {
    name: 'acl',
    description: 'S3: canned ACL of new objects, like bucket-owner-full-control. Default: the bucket decides',
  },
  {
    name: 'serversideencryption',
    description: 'S3: AES256|aws:kms|aws:kms:dsse, how the server encrypts new objects. Default: the bucket decides',
  },
  { name: 'ssekmskeyid', description: 'S3: the key for serversideencryption=aws:kms. Default: the one of the account' },
  {
    name: 'restoredays',
    description: 'S3: for so many days a key is restored from cold storage when it is to be got, 0: never. Default: 7',
  },
  { name: 'restoretier', description: 'S3: Standard|Bulk|Expedited, how fast it is restored. Default: Standard' },
  { name: 'partsize', description: 'S3: size of the parts of large uploads, 5MiB to 5GiB. Default: by the file' },
  { name: 'requeststyle', description: 'S3: path|virtual, where the bucket is named. Default: path' },
] as const

export type S3Setting = (typeof S3_SETTINGS)[number]['name']

/**
 * What git's configuration can say of a store that has a name, as
 * `riastore.store.<name>.<setting>`. The options of `riastore store add` and a table in
 * docs/settings.md are made of this one.
 */
export const STORE_SETTINGS: Readonly<Record<StoreSetting, string>> = {
  url: 'URL of the store, ria+file://…, ria+ssh://…, ria+sftp://…, ria+http(s)://…, ria+dav(s)://… or ria+s3+http(s)://…',
  'push-url': 'URL of the same store to write through, if another',
  ...(Object.fromEntries(S3_SETTINGS.map(({ name, description }) => [name, description])) as Record<S3Setting, string>),
  profile: 'S3: profile in the AWS configuration files that the credentials are taken from',
  parallel: 'S3: parts of one file that are on their way at once, up or down, 1 to 64. Default: 4',
  ssh: 'auto|ssh2|openssh: who makes the ssh connection. Default: auto',
}

export type StoreSetting = 'url' | 'push-url' | S3Setting | 'profile' | 'parallel' | 'ssh'

export const STORE_SETTING_NAMES = Object.keys(STORE_SETTINGS) as StoreSetting[]
