import { isStoreError, messageOf } from '../../core/errors.ts'
import { asksToAgree, idToAgreeTo, VERIFIED_SETTING } from '../../core/records/agree-to-remote.ts'
import { decode } from '../../core/text.ts'
import { setAlias, takeAliasAway } from '../../git/alias.ts'
import { forgetAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { makeStore } from '../../ria/make-store.ts'
import { endpointOf } from '../../ria/settings/s3-credentials.ts'
import { webdavServerOf } from '../../ria/settings/webdav.ts'
import { factsOf } from '../../store/schemes.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import type { Dataset } from '../dataset.ts'
import { findAlias } from './alias.ts'
import { finishRepository, makeRepository, removeRepository } from './bare-repository.ts'
import type { CheckedOptions } from './options.ts'
import type { SiblingPlace } from './place.ts'
import { type SiblingPlan, UNFINISHED } from './plan.ts'
import { recordedRemotes } from './recorded-remotes.ts'
import { isEmptyOfKeys, keysOnRecord, noteKeys } from './records.ts'
import type { Undo } from './undo.ts'

/** All that the steps need to know. */
export interface SiblingWork {
  readonly dataset: Dataset
  readonly store: Store
  readonly place: SiblingPlace
  readonly options: CheckedOptions
  readonly plan: SiblingPlan
}

/** One thing that is done. */
export interface Step {
  /** Undefined for what is not worth telling. */
  readonly title: StepTitle | undefined
  readonly run: (call: StepCall) => Promise<void>
}

/** What a step does, and what it did: `make a store: …`, `made a store: …`. */
export interface StepTitle {
  readonly plan: string
  readonly done: string
}

export interface StepCall extends CallOptions {
  readonly undo: Undo
  /** Takes what a step did besides, as a line. */
  readonly tell: (line: string) => void
}

function titled(plan: string, done: string, rest: string): StepTitle {
  return { plan: `${plan} ${rest}`, done: `${done} ${rest}` }
}

/**
 * What a plan comes to. All that others can make fail comes before the special remote is made, for
 * git-annex never forgets one.
 */
export function siblingSteps(work: SiblingWork): Step[] {
  const { plan, options } = work
  return [
    keepConfiguration(work),
    beginSibling(work),
    ...(plan.store === 'make' ? [newStore(work)] : []),
    repository(work),
    ...(plan.alias === 'make' && options.alias !== undefined ? [newAlias(work, options.alias)] : []),
    ...(plan.special === undefined ? [] : [correctRecords(work, plan.special), specialRemote(work, plan.special)]),
    ...(plan.git ? [gitRemote(work)] : []),
    ...(plan.special !== undefined && options.trustLevel !== undefined ? [trust(work, plan.special.name)] : []),
    { title: undefined, run: () => work.dataset.unset(`remote.${options.name}.${UNFINISHED}`) },
    ...(plan.fetch ? [fetch(work)] : []),
  ]
}

/** What a taken-back run leaves in git's configuration is what was there before. */
function keepConfiguration({ dataset, options }: SiblingWork): Step {
  const names = [...new Set([options.name, options.storageName ?? options.name])]
  const run: Step['run'] = async ({ undo }) => {
    const calm = dataset.with({})
    for (const name of names) {
      const entries = (await dataset.localSection(`remote.${name}`)).filter(([key]) => !key.endsWith(`.${UNFINISHED}`))
      undo.add(`the configuration of the remote ${name}`, () => calm.replaceSection(`remote.${name}`, entries))
    }
  }
  return { title: undefined, run }
}

/**
 * git-annex must not take the bare repository for an annex of its own: it would put keys into the
 * wrong places.
 */
function beginSibling({ dataset, plan, options: { name } }: SiblingWork): Step {
  const run = async () => {
    await dataset.set(`remote.${name}.${UNFINISHED}`, plan.unfinished) // first: whoever finds anything of ours knows
    if (plan.git) await dataset.set(`remote.${name}.annex-ignore`, 'true')
  }
  return { title: undefined, run }
}

function newStore({ store, place }: SiblingWork): Step {
  const { root } = store.traits
  const run: Step['run'] = async ({ undo, tell: _tell, ...call }) => {
    const directories = factsOf(place.location).directories
    let isOurs = false
    undo.add(`the store ${root}`, async () => {
      if (!isOurs) return undefined
      await forgetAtomicPuts(store)
      for await (const { path } of store.list('')) {
        if (path !== LAYOUT_FILE) return `the store ${root} was left: it is in use (${path})`
      }
      await store.remove(LAYOUT_FILE)
      await store.remove(`error_logs/${temporaryName()}`, { pruneParents: 1 })
      return undefined
    })
    isOurs = await makeStore(store, directories, call)
  }
  return { title: titled('make', 'made', `a store: ${root}`), run }
}

function repository({ store, place, plan }: SiblingWork): Step {
  const wish = plan.repository
  const stored = new StoredDataset(store, place.directory)
  const where = stored.where()
  const run: Step['run'] = async ({ undo, tell: _tell, ...call }) => {
    let isWhole = false
    if (wish.isNew) undo.add(where, () => removeRepository(stored, plan.maker, wish, isWhole, {}))
    await makeRepository(stored, plan.maker, wish, call)
    isWhole = true
    await finishRepository(stored, plan.maker, wish, call)
  }
  const what = wish.git ? 'bare repository' : 'directory for keys'
  const rest = `the ${what}: ${where}`
  return { title: wish.isNew ? titled('make', 'made', rest) : titled('complete', 'completed', rest), run }
}

function newAlias({ store, place }: SiblingWork, alias: string): Step {
  const run: Step['run'] = async ({ undo, tell: _tell, ...call }) => {
    undo.add(`the alias ${alias}`, async () => {
      if ((await findAlias(new StoredDataset(store, place.directory), alias, {})) === 'free') return
      await takeAliasAway(store, alias)
    })
    await setAlias(new StoredDataset(store, place.directory), alias, call)
  }
  return { title: titled('make', 'made', `the alias ~${alias}`), run }
}

type Special = NonNullable<SiblingWork['plan']['special']>

/**
 * A special remote that is on record, and gets another place, keeps its uuid, and git-annex what it
 * knows of that. In a place without a key none of it is true: the next push would take everything
 * for stored. Before the remote leads there, so that nobody finds it wrong meanwhile.
 */
function correctRecords({ dataset, store, place, plan }: SiblingWork, { name, isKnown }: Special): Step {
  const uuid = plan.repository.uuid ?? ''
  const run: Step['run'] = async ({ undo, tell, ...call }) => {
    if (!isKnown || !(await isEmptyOfKeys(new StoredDataset(store, place.directory), call))) return
    const keys = await keysOnRecord(dataset, uuid)
    if (keys.length === 0) return
    undo.add(`what git-annex has on record for ${name}`, () => noteKeys(dataset.with({}), uuid, keys, true))
    await noteKeys(dataset, uuid, keys, false)
    const what = keys.length === 1 ? 'a key' : `${keys.length} keys`
    tell(
      `corrected git-annex's records: they had ${what} in ${name} (${uuid}), and ${store.traits.root}/${place.directory} has none`,
    )
  }
  return { title: undefined, run }
}

function specialRemote(work: SiblingWork, special: Special): Step {
  const { dataset, place, plan } = work
  const { name } = special
  const uuid = plan.repository.uuid ?? special.uuid
  const places = [`url=${place.url}`, ...(place.pushUrl === undefined ? [] : [`push-url=${place.pushUrl}`])]
  const run: Step['run'] = async ({ undo }) => {
    if (special.do === 'enable') {
      // It was dead before, and is again if it comes to that.
      if (special.revive) {
        undo.add(`the special remote ${name}`, () => giveUp(dataset, name, uuid))
        await dataset.annex(['semitrust', uuid])
      }
      await nameEndpoints(work, name)
      const { stdout } = await dataset.annex(['enableremote', special.enable, 'autoenable=true', ...places])
      await agree(work, special, decode(stdout))
      return
    }
    const type = ['type=external', 'externaltype=ora', 'encryption=none', 'autoenable=true']
    // DataLad and the special remote take the dataset's id themselves.
    const id = dataset.id === undefined ? [`archive-id=${place.id}`] : []
    undo.add(`the special remote ${name}`, () => giveUp(dataset, name, uuid))
    await dataset.annex(['initremote', name, ...type, ...places, ...id, `uuid=${uuid}`])
  }
  const rest = `the special remote ${name}`
  return { title: special.do === 'init' ? titled('make', 'made', rest) : titled('enable', 'enabled', rest), run }
}

/** Whoever sets a sibling up has named where it leads. */
async function agree({ dataset, place }: SiblingWork, { name, enable }: Special, shown: string): Promise<void> {
  const id = idToAgreeTo(shown, place.pushUrl === undefined ? [] : [place.pushUrl])
  if (id !== undefined) await dataset.annex(['verifyremote', name, '--safe', id])
  // Enabled by its uuid, it has its state set for a remote of that name, which is none.
  const given = `remote.${enable}.${VERIFIED_SETTING}`
  const state = await dataset.get(given)
  // Of what it knows git-annex asks nothing, and sets the same as where it waits for an answer.
  const meant = asksToAgree(shown) ? state : 'verified'
  if (state !== undefined && meant !== undefined && id === undefined && (enable !== name || meant !== state)) {
    await dataset.set(`remote.${name}.${VERIFIED_SETTING}`, meant)
  }
  if (enable !== name && state !== undefined) await dataset.unset(given)
}

/**
 * Whoever sets a sibling up names its servers; git-annex does not tell the special remote who did.
 * A new one notes them itself.
 */
async function nameEndpoints({ dataset, place }: SiblingWork, name: string): Promise<void> {
  for (const location of [place.location, place.readLocation]) {
    const [kind, server] = location.scheme.startsWith('dav')
      ? ['webdav', webdavServerOf(location)]
      : ['s3', endpointOf({ location })]
    const key = `remote.${name}.riastore-${kind}-endpoint`
    if (server !== undefined && !(await dataset.getAll(key)).includes(server)) await dataset.add(key, server)
  }
}

/** git-annex never forgets a special remote, so it is told that nothing is there any more. */
async function giveUp(dataset: Dataset, name: string, uuid: string): Promise<string | undefined> {
  const calm = dataset.with({})
  if (!(await recordedRemotes(calm)).some((remote) => remote.uuid === uuid)) return undefined
  await calm.annex(['dead', uuid])
  return `the special remote ${name} (${uuid}) is recorded in the git-annex branch for ever: it was marked as dead, and the same command uses it again`
}

function gitRemote({ dataset, place, options: { name, storageName } }: SiblingWork): Step {
  const key = (setting: string) => `remote.${name}.${setting}`
  const run = async () => {
    await dataset.set(key('url'), place.gitUrl)
    if (place.gitPushUrl !== undefined) {
      await dataset.set(key('pushurl'), place.gitPushUrl)
      // git-annex looks at no pushurl.
      if ((await dataset.annexUuid()) !== undefined) await dataset.set(key('annexurl'), place.gitPushUrl)
    }
    if ((await dataset.get(key('fetch'))) === undefined) {
      await dataset.set(key('fetch'), `+refs/heads/*:refs/remotes/${name}/*`)
    }
    if (storageName !== undefined) await dataset.set(key('datalad-publish-depends'), storageName)
  }
  return { title: titled('set up', 'set up', `the git remote ${name}: ${place.gitUrl}`), run }
}

function trust({ dataset, options: { trustLevel = 'semitrust' } }: SiblingWork, name: string): Step {
  const force = trustLevel === 'trust' ? ['--force'] : []
  const run = async () => {
    await dataset.annex([trustLevel, ...force, name])
  }
  return { title: titled('tell', 'told', `git-annex to ${trustLevel} ${name}`), run }
}

/** Without what is there already, the next push could be taken for needless. */
function fetch({ dataset, options: { name } }: SiblingWork): Step {
  const run: Step['run'] = async ({ tell, signal }) => {
    try {
      await dataset.git(['fetch', '--progress', name])
    } catch (error) {
      if (signal?.aborted || isStoreError(error, 'aborted')) throw error
      tell(`what is in the repository could not be fetched: ${messageOf(error)}`)
    }
  }
  return { title: undefined, run }
}
