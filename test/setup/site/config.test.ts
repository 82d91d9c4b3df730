import { describe, expect, test } from 'vitest'
import { findSites, resolveSite, type ScopedEntry, type SiteScope } from '../../../src/setup/site/config.ts'
import { SITE_OPTION_NAMES, type SiteValues } from '../../../src/setup/site/options.ts'
import { fromDataset, pickSite } from '../../../src/setup/site/pick.ts'
import { requireSite } from '../../../src/setup/site/read.ts'

const STORE = 'ria+ssh://host/data/store'

function entry(key: string, value: string, scope: SiteScope = 'global'): ScopedEntry {
  return { scope, key: `riastore.${key}`, value }
}

/** The site that these settings make, keys as git prints them. */
function site(settings: Readonly<Record<string, string>>, given: SiteValues = {}) {
  const found = findSites(Object.entries(settings).map(([key, value]) => entry(`lab.${key}`, value))).get('lab')
  if (found === undefined) throw new Error('no site')
  return resolveSite(found, given)
}

describe('the settings of a site', () => {
  test('a store is all that has to be set, and everything else has a default', () => {
    expect(site({ store: `${STORE}/` })).toEqual({
      name: 'lab',
      store: STORE,
      siblingName: 'lab',
      storageName: 'lab-storage',
    })
  })

  test('git gives the names without capitals, and a GitLab has defaults of its own', () => {
    const settings = { store: STORE, siblingname: 's', gitlab: 'https://gitlab.example.org/', gitlabgroup: 'lab/data' }
    expect(site(settings)).toMatchObject({
      siblingName: 's',
      storageName: 's-storage',
      gitlab: {
        url: 'https://gitlab.example.org',
        group: 'lab/data',
        siblingName: 'gitlab',
        visibility: 'private',
        projectName: '{name}',
      },
    })
  })

  test('what is set later, for fewer, counts; an argument counts most, and an empty one as none', () => {
    const found = findSites([
      entry('lab.store', STORE, 'system'),
      entry('lab.trust', 'trust', 'system'),
      entry('lab.alias', '{name}', 'system'),
      entry('lab.trust', 'untrust', 'global'),
    ]).get('lab')
    if (found === undefined) throw new Error('no site')
    expect(found.scopes).toEqual({ store: 'system', trust: 'global', alias: 'system' })
    expect(resolveSite(found)).toMatchObject({ trust: 'untrust', alias: '{name}' })
    expect(resolveSite(found, { trust: 'semitrust', alias: '' })).toMatchObject({ trust: 'semitrust' })
    expect(resolveSite(found, { alias: '' }).alias).toBeUndefined()
  })

  test('an unknown name is an error that lists the known ones, for the site that has it alone', () => {
    const sites = findSites([
      entry('lab.store', STORE),
      entry('lab.sibling', 'x'),
      entry('other.store', STORE),
      entry('not-a-site', 'x'),
    ])
    expect([...sites.keys()]).toEqual(['lab', 'other'])
    const [lab, other] = [sites.get('lab'), sites.get('other')]
    if (lab === undefined || other === undefined) throw new Error('no site')
    const all = SITE_OPTION_NAMES.join(', ')
    expect(() => resolveSite(lab)).toThrow(
      `riastore.lab.sibling in git's global configuration is no setting of a site: known are ${all}`,
    )
    expect(resolveSite(other).store).toBe(STORE)
  })

  test.each(SITE_OPTION_NAMES.filter((option) => option !== 'project'))(
    'a dataset may not set %s: where data and tokens go, and who sees them, is not for it to say',
    (option) => {
      const found = findSites([entry(`lab.${option}`, 'x', 'dataset'), entry('lab.store', STORE, 'global')]).get('lab')
      if (found === undefined) throw new Error('no site')
      expect(() => resolveSite(found)).toThrow(
        `riastore.lab.${option} is set in .datalad/config: a dataset may not say where data goes, or who sees it`,
      )
    },
  )

  test('a dataset may name its own project, and what it alone names is no site', () => {
    const sites = findSites([
      entry('lab.project', 'lab/x', 'dataset'),
      entry('evil.project', 'evil/x', 'dataset'),
      entry('lab.store', STORE),
    ])
    const lab = requireSite(sites, 'lab')
    expect(resolveSite(lab).store).toBe(STORE)
    expect(lab.scopes).toEqual({ project: 'dataset', store: 'global' })
    expect(() => requireSite(sites, 'evil')).toThrow('no site evil is configured, known are lab:')
  })

  test('the procedure without a site of its own takes the only one, or the one that the dataset names', () => {
    const project = entry('two.project', 'lab/x', 'dataset')
    const [one, two] = [entry('one.store', STORE), entry('two.store', STORE)]
    expect(pickSite(findSites([entry('evil.project', 'x/y', 'dataset'), one]), 'riastore').name).toBe('one')
    expect(pickSite(findSites([project, one, two]), 'riastore').name).toBe('two')
    expect(() => pickSite(findSites([one, two]), 'riastore')).toThrow('run one of cfg_one, cfg_two')
  })

  test('every value that came with the dataset is told, and none that was not used', () => {
    const settings = { store: STORE, gitlab: 'https://g.example.org', gitlabgroup: 'lab' }
    const entries = Object.entries(settings).map(([key, value]) => entry(`lab.${key}`, value))
    const found = findSites([entry('lab.project', 'lab/noted', 'dataset'), ...entries]).get('lab')
    if (found === undefined) throw new Error('no site')
    const names = { name: 'top-sub', directory: 'sub', id: '1-2', namedBy: undefined }
    const told = (given: SiteValues, namedBy?: string) =>
      fromDataset(found, resolveSite(found, given), given, { ...names, namedBy })
    expect(told({})).toEqual(['from .datalad/config: riastore.lab.project = lab/noted'])
    expect(told({ projectName: 'other' })).toEqual([])
    expect(told({ projectName: '{name}' }, '/top')).toEqual([
      'from /top/.datalad/config: what names begin with, top-sub',
    ])
  })

  test('a name or a group that is given counts more than the project that was noted', () => {
    const settings = { store: STORE, gitlab: 'https://g.example.org', gitlabgroup: 'lab', project: 'lab/noted' }
    expect(site(settings).gitlab?.project).toBe('lab/noted')
    expect(site(settings, { projectName: 'other' }).gitlab).toMatchObject({ projectName: 'other', project: undefined })
    expect(site(settings, { gitlabGroup: 'b' }).gitlab).toMatchObject({ group: 'b', project: undefined })
  })

  test.each([
    [{}, {}, /the site lab has no store/],
    [{ store: 'ria+http://host/store' }, {}, /riastore\.lab\.store is ria\+http:.*can only be read/],
    [{ store: '/data/store' }, {}, /riastore\.lab\.store the store URL \/data\/store does not start with ria\+/],
    [{ store: STORE, shared: 'everyone' }, {}, /riastore\.lab\.shared is "everyone": known are false, true/],
    [{ store: STORE, shared: '0330' }, {}, /riastore\.lab\.shared is "0330"/],
    [{ store: 'ria+s3+https://h/bucket' }, { shared: 'group' }, /mean nothing in S3/],
    [{ store: STORE, trust: 'no' }, {}, /riastore\.lab\.trust is "no", known are trust, semitrust, untrust/],
    [{ store: STORE, siblingname: '-o' }, {}, /riastore\.lab\.siblingName is "-o": letters/],
    [{ store: STORE, storagename: 'lab' }, {}, /two siblings named lab/],
    [{ store: STORE, gitlab: 'https://g.example.org' }, {}, /has a gitlab, but no gitlabGroup/],
    [{ store: STORE, gitlab: 'ftp://g.example.org' }, {}, /riastore\.lab\.gitlab cannot be used/],
    [{ store: STORE }, { gitlabVisibility: 'secret' }, /--gitlab-visibility is "secret", known are private/],
    [{ store: STORE }, { gitlabGroup: '/lab//x' }, /--gitlab-group is "\/lab\/\/x": a path like/],
    [{ store: STORE }, { projectName: '{nam}' }, /--project-name has \{nam\} in it, known are \{name\}/],
    [{ store: STORE }, { alias: 'a/b' }, /--alias is "a\/b"/],
    [{ store: STORE }, { group: 'a\nb' }, /--group has control characters/],
  ])('%j with %j is refused', (settings: Record<string, string>, given: SiteValues, message) => {
    expect(() => site({ trust: 'trust', ...settings }, given)).toThrow(message)
  })

  test('a password is not shown', () => {
    const bad = { store: STORE, gitlab: 'https://me:glpat-secret@g.example.org', gitlabgroup: 'lab' }
    expect(() => site(bad)).toThrow(/user or a password/)
    expect(() => site(bad)).not.toThrow(/glpat/)
    expect(() => site({ store: 'ria+ssh://me:glpat-secret@host/store' })).not.toThrow(/glpat/)
  })
})
