import type { Dataset } from '../dataset.ts'
import { isSameStore, placeSibling } from '../sibling/place.ts'
import { recordedRemotes } from '../sibling/recorded-remotes.ts'
import type { Site } from './config.ts'

/**
 * Whether a dataset has its storage sibling in this very store, as in a clone of one that the site
 * was applied to. Then its siblings can be configured anew without leading anything elsewhere.
 */
export async function isOfSite(dataset: Dataset, { store, pushUrl, siblingName, storageName }: Site): Promise<boolean> {
  const { id } = dataset
  if (id === undefined) return false
  const config = await dataset.config()
  const recorded = (await recordedRemotes(dataset)).find((remote) => remote.name === storageName && !remote.isDead)
  // What is recorded is the URL after git's insteadOf had its turn, where the remote was made.
  if (!isSameStore(config, recorded?.settings.get('url'), store)) return false
  if (recorded?.settings.get('externaltype') !== 'ora' || recorded.settings.get('archive-id') !== id) return false
  const gitUrl = config.get(`remote.${siblingName}.url`)
  return gitUrl === undefined || gitUrl === placeSibling(id, { url: store, pushUrl }, config).gitUrl
}
