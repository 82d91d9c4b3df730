import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ensureProject, type ProjectWish, planProject } from '../../../src/gitlab/ensure-project.ts'
import { failure, useGitLab } from '../../support/gitlab/bench.ts'

const bench = useGitLab()

const ID = 'b1a9f1a4-3c2e-4d6e-9c0e-0a1b2c3d4e5f'
const OTHER = '00000000-0000-4000-8000-000000000001'

let count = 0
/** A group that no other test uses. */
function newGroup(options?: Parameters<typeof bench.gitlab.addGroup>[1]): string {
  count += 1
  bench.gitlab.addGroup(`lab${count}`, options)
  return `lab${count}`
}

const ensure = (path: string, wish: Partial<ProjectWish> = {}, client = bench.client()) =>
  ensureProject(client, { path, datasetId: ID, createGroups: true, ...wish })

/** What was asked for that could change something. */
const changes = () => bench.gitlab.requests.filter(({ method }) => method !== 'GET')

/** A user with a role in a new group, and a client for them. */
function somebody(role: 'guest' | 'reporter' | 'developer' | 'maintainer') {
  count += 1
  const name = `user${count}`
  bench.gitlab.addUser(name)
  const group = newGroup({ members: { [name]: role } })
  return { name, group, client: bench.client({ text: bench.gitlab.addToken({ user: name }) }) }
}

describe('a project that is missing', () => {
  test('is made in its group: private, with the line that says whose it is, in one request', async () => {
    const group = newGroup()
    const { project, made, madeGroups } = await ensure(`${group}/Data.set_1`)
    expect({ made, madeGroups }).toEqual({ made: true, madeGroups: [] })
    expect(project).toMatchObject({ fullPath: `${group}/Data.set_1`, isEmpty: true, visibility: 'private' })
    expect(bench.gitlab.project(`${group}/Data.set_1`)).toMatchObject({ description: `DataLad dataset ${ID}` })
    expect(changes()).toHaveLength(1)
  })

  test('gets the description, topics and visibility that are asked for', async () => {
    const group = newGroup({ visibility: 'public' })
    await ensure(`${group}/x`, { description: 'Brain scans', topics: ['datalad', 'mri'], visibility: 'public' })
    expect(bench.gitlab.project(`${group}/x`)).toMatchObject({
      description: `Brain scans\n\nDataLad dataset ${ID}`,
      topics: ['datalad', 'mri'],
      visibility: 'public',
    })
  })

  test('and missing subgroups are made from the outermost inwards, each as visible as its parent', async () => {
    const group = newGroup({ visibility: 'internal' })
    const { madeGroups } = await ensure(`${group}/a/b/c/ds`)
    expect(madeGroups).toEqual([`${group}/a`, `${group}/a/b`, `${group}/a/b/c`])
    expect(bench.gitlab.state.groupAt(`${group}/a/b/c`)).toMatchObject({ visibility: 'internal' })
    expect(bench.gitlab.project(`${group}/a/b/c/ds`)).toMatchObject({ visibility: 'private' })
  })

  test('may lie in the namespace of the token owner', async () => {
    const { name, client } = somebody('guest')
    expect((await ensure(`${name}/ds`, {}, client)).project.fullPath).toBe(`${name}/ds`)
  })

  test('is found the second time, and nothing is sent that could change something', async () => {
    const path = `${newGroup()}/a/ds`
    await ensure(path)
    bench.gitlab.reset()
    expect(await ensure(path.toUpperCase(), { description: 'other' })).toMatchObject({ made: false, changed: [] })
    expect(changes()).toEqual([])
  })

  test('of two who make it at the same time, for the same dataset, both get it, and there is one', async () => {
    const path = `${newGroup()}/a/ds`
    const all = await Promise.all(Array.from({ length: 4 }, () => ensure(path, {}, bench.client())))
    expect(new Set(all.map(({ project }) => project.id)).size).toBe(1)
    expect(all.filter(({ made }) => made)).toHaveLength(1)
    expect(bench.gitlab.state.projects.filter(({ path: name }) => name === 'ds').length).toBeGreaterThan(0)
  })

  test('of two datasets that want it at the same time one gets it, and the other is told whose it is', async () => {
    const path = `${newGroup()}/ds`
    const ids = [ID, OTHER]
    const all = await Promise.allSettled(ids.map((datasetId) => ensure(path, { datasetId }, bench.client())))
    const failed = all.filter((each) => each.status === 'rejected')
    expect(failed).toHaveLength(1)
    const winner = ids[all.findIndex((each) => each.status === 'fulfilled')]
    expect(failed[0]?.reason).toMatchObject({ kind: 'foreign', message: expect.stringContaining(`dataset ${winner}`) })
    expect(bench.gitlab.project(path)?.description).toBe(`DataLad dataset ${winner}`)
  })

  test('is found when the answer of the request that made it was lost', async () => {
    for (const answer of [undefined, { status: 502, body: '<html>Bad Gateway' }]) {
      const path = `${newGroup()}/ds`
      bench.gitlab.fault({ on: 'POST /projects', acts: true, ...(answer ? { answer } : { how: 'close' as const }) })
      expect(await ensure(path)).toMatchObject({ made: true, project: { fullPath: path } })
      expect(changes()).toHaveLength(1)
      bench.gitlab.reset()
    }
  })

  test('is not taken for ours when it appears while our answer is lost', async () => {
    const path = `${newGroup()}/ds`
    const description = `DataLad dataset ${OTHER}`
    bench.gitlab.fault({
      on: 'POST /projects',
      meanwhile: () => bench.gitlab.addProject(path, { description }),
      how: 'close',
    })
    expect(await failure(ensure(path))).toMatchObject({ kind: 'foreign' })
    expect(bench.gitlab.project(path)?.description).toBe(description)
  })

  test('a run that died after it made the groups is continued', async () => {
    const group = newGroup()
    bench.gitlab.fault({ on: 'POST /projects', times: 9, answer: { status: 500, body: { message: '500 Internal' } } })
    expect(await failure(ensure(`${group}/a/ds`))).toMatchObject({ kind: 'failed' })
    bench.gitlab.reset()
    expect(await ensure(`${group}/a/ds`)).toMatchObject({ made: true, madeGroups: [] })
  })

  test('a group that somebody makes at the same moment is used', async () => {
    const group = newGroup()
    bench.gitlab.fault({ on: 'POST /groups', meanwhile: () => bench.gitlab.addGroup(`${group}/a`) })
    expect(await ensure(`${group}/a/ds`)).toMatchObject({ made: true, madeGroups: [] })
  })
})

describe('a project that is there', () => {
  test('of another dataset is never touched', async () => {
    const path = `${newGroup()}/ds`
    const description = `Theirs.\n\nDataLad dataset ${OTHER}\n`
    await bench.gitlab.addProject(path, { description })
    for (const wish of [{}, { update: true, adoptEmpty: true, description: 'ours', topics: ['a'] }]) {
      const error = await failure(ensure(path, wish))
      expect(error).toMatchObject({ kind: 'foreign', where: `${bench.gitlab.url}/${path}` })
      expect(error.message).toContain(`belongs to the dataset ${OTHER}, not to ${ID}: it was not touched`)
    }
    expect(bench.gitlab.project(path)?.description).toBe(description)
    expect(changes()).toEqual([])
  })

  test('and names two datasets, one of them this, is not touched either', async () => {
    const path = `${newGroup()}/ds`
    await bench.gitlab.addProject(path, { description: `DataLad dataset ${ID}\nDataLad dataset ${OTHER}` })
    expect(await failure(ensure(path, { update: true, topics: ['a'] }))).toMatchObject({ kind: 'foreign' })
  })

  test.each([
    ['with commits', true, {}, 'a project with commits'],
    ['with commits, also to be adopted', true, { adoptEmpty: true }, 'a project with commits'],
    ['that is empty', false, {}, 'an empty project'],
  ])('%s, of nobody that we know, is not touched; how to claim it is told', async (_what, hasCommits, wish, words) => {
    const path = `${newGroup()}/ds`
    const project = await bench.gitlab.addProject(path, { description: 'Somebody’s' })
    if (hasCommits) project.defaultBranch = 'main'
    const error = await failure(ensure(path, wish))
    expect(error.kind).toBe('unmarked')
    expect(error.message).toContain(`${words} already`)
    expect(error.message).toContain(`put the line "DataLad dataset ${ID}" into its description`)
    expect(changes()).toEqual([])
    project.description = `Somebody’s\r\n\r\nDataLad dataset ${ID.toUpperCase()}\r\n`
    expect(await ensure(path)).toMatchObject({ made: false, changed: [] })
  })

  test('that is empty and of nobody is taken when that is allowed, its description kept', async () => {
    const path = `${newGroup()}/ds`
    await bench.gitlab.addProject(path, { description: 'Made in the browser' })
    expect(await ensure(path, { adoptEmpty: true })).toMatchObject({ made: false, changed: ['description'] })
    expect(bench.gitlab.project(path)?.description).toBe(`Made in the browser\n\nDataLad dataset ${ID}`)
  })

  test('and is claimed by another dataset at the same moment, is left to that', async () => {
    const path = `${newGroup()}/ds`
    const project = await bench.gitlab.addProject(path)
    const claim = () => {
      project.description = `DataLad dataset ${OTHER}`
    }
    bench.gitlab.fault({ on: 'GET /projects', after: 1, meanwhile: claim })
    expect(await failure(ensure(path, { adoptEmpty: true }))).toMatchObject({ kind: 'foreign' })
  })

  test('and is ours gets what is asked for when it is to be updated, and only what differs', async () => {
    const path = `${newGroup({ visibility: 'public' })}/ds`
    await ensure(path, { description: 'old', topics: ['a'] })
    const project = bench.gitlab.project(path)
    if (project) project.defaultBranch = 'git-annex'
    bench.gitlab.reset()
    const wish = {
      update: true,
      description: 'new',
      topics: ['a'],
      visibility: 'internal',
      defaultBranch: 'main',
    } as const
    expect((await ensure(path, wish)).changed.toSorted()).toEqual(['default_branch', 'description', 'visibility'])
    expect(project).toMatchObject({
      description: `new\n\nDataLad dataset ${ID}`,
      visibility: 'internal',
      defaultBranch: 'main',
    })
    expect(await ensure(path, wish)).toMatchObject({ changed: [] })
    expect(changes()).toHaveLength(1)
  })

  test('no default branch is set for an empty one', async () => {
    const path = `${newGroup()}/ds`
    await ensure(path)
    expect(await ensure(path, { update: true, defaultBranch: 'main' })).toMatchObject({ changed: [] })
  })

  test('and was moved away is told with its new path', async () => {
    const path = `${newGroup()}/ds`
    const project = await bench.gitlab.addProject(path, { description: `DataLad dataset ${ID}` })
    bench.gitlab.state.rename(project, 'renamed')
    const error = await failure(ensure(path))
    expect(error).toMatchObject({ kind: 'moved', status: 301 })
    expect(error.message).toMatch(/ds: the project was moved to lab\d+\/renamed$/)
    expect(changes()).toEqual([])
  })

  test('and was deleted, so that it only waits to be removed, is told by either of its paths', async () => {
    const path = `${newGroup()}/ds`
    const { project } = await ensure(path)
    const remove = await fetch(`${bench.gitlab.url}/api/v4/projects/${project.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${bench.gitlab.token}` },
    })
    expect(remove.status).toBe(202)
    bench.gitlab.reset()
    for (const each of [path, `${path}-deletion_scheduled-${project.id}`]) {
      const error = await failure(ensureProject(bench.client(), { path: each, datasetId: ID, createGroups: true }))
      expect(error.kind).toBe('deleting')
      expect(error.message).toMatch(/was deleted on \d{4}-\d\d-\d\d/)
    }
    expect(changes()).toEqual([])
  })

  test('and is archived is told', async () => {
    const path = `${newGroup()}/ds`
    await ensure(path)
    const project = bench.gitlab.project(path)
    if (project) project.archived = true
    expect(await failure(ensure(path))).toMatchObject({ kind: 'archived' })
  })
})

describe('a refusal has a message of its own', () => {
  test.each([
    ['unknown', () => 'glpat-unknown', /GitLab does not know the token \(401\)/],
    ['expired', () => bench.gitlab.addToken({ expiresAt: '2020-01-01' }), /the token has expired \(401\)/],
    [
      'revoked',
      () => {
        const text = bench.gitlab.addToken()
        bench.gitlab.revoke(text)
        return text
      },
      /the token was revoked \(401\)/,
    ],
  ])('for a token that is %s; it is sent once', async (kind, text, words) => {
    const error = await failure(ensure(`${newGroup()}/ds`, {}, bench.client({ text: text() })))
    expect(error.kind).toBe(kind)
    expect(error.message).toMatch(words)
    expect(bench.gitlab.requests).toHaveLength(1)
  })

  test('for a token that may only read', async () => {
    const text = bench.gitlab.addToken({ scopes: ['read_api', 'write_repository'] })
    const error = await failure(ensure(`${newGroup()}/ds`, {}, bench.client({ text })))
    expect(error).toMatchObject({ kind: 'scope', status: 403 })
    expect(error.message).toMatch(/it needs the scope api/)
  })

  test('for a role that may not make projects', async () => {
    const { group, client } = somebody('reporter')
    const error = await failure(ensure(`${group}/ds`, {}, client))
    expect(error).toMatchObject({ kind: 'namespace', status: 400 })
    expect(error.message).toContain(`no right to make projects in ${group}: 400: namespace is not valid`)
  })

  test('for a role that may not make groups', async () => {
    const { group, client } = somebody('developer')
    const error = await failure(ensure(`${group}/a/ds`, {}, client))
    expect(error).toMatchObject({ kind: 'forbidden', status: 403 })
    expect(error.message).toContain(`no right to make subgroups in the group ${group}`)
  })

  test('for a role that may not change the project', async () => {
    const { group, client } = somebody('developer')
    await ensure(`${group}/ds`, {}, client)
    const error = await failure(ensure(`${group}/ds`, { update: true, topics: ['a'] }, client))
    expect(error).toMatchObject({ kind: 'forbidden' })
    expect(error.message).toMatch(/no right to change topics of the project/)
  })

  test('for groups that are not to be made', async () => {
    const group = newGroup()
    const error = await failure(ensure(`${group}/a/b/ds`, { createGroups: false }))
    expect(error).toMatchObject({ kind: 'absent' })
    expect(error.message).toContain(`there is no group ${group}/a that this token sees, and groups are not to be made`)
    expect(changes()).toEqual([])
  })

  test('for a group at the top, which is never made, and for one that is invisible', async () => {
    const hidden = newGroup({ owned: false })
    for (const path of ['nowhere/ds', `${hidden}/ds`, `${hidden}/a/ds`]) {
      const error = await failure(ensure(path))
      expect(error).toMatchObject({ kind: 'absent' })
      expect(error.message).toMatch(
        /there is no group \w+ that this token sees; a group at the top is made in the browser/,
      )
    }
    expect(changes()).toEqual([])
  })

  test('for the namespace of another user', async () => {
    const { name } = somebody('guest')
    expect(await failure(ensure(`${name}/ds`))).toMatchObject({ kind: 'absent' })
  })

  test('for a visibility that the group does not allow', async () => {
    const group = newGroup()
    const error = await failure(ensure(`${group}/ds`, { visibility: 'public' }))
    expect(error).toMatchObject({ kind: 'visibility', status: 400 })
    expect(error.message).toMatch(/ds may not be public: .*public is not allowed in a private group/)
  })

  test('for a visibility that the administrator does not allow', async () => {
    const group = newGroup({ visibility: 'internal' })
    bench.gitlab.state.restricted = ['internal']
    try {
      expect((await failure(ensure(`${group}/ds`, { visibility: 'internal' }))).message).toMatch(
        /may not be internal: .*restricted/,
      )
      expect((await failure(ensure(`${group}/a/ds`))).message).toMatch(
        /the group lab\d+\/a cannot be made: .*restricted/,
      )
    } finally {
      bench.gitlab.state.restricted = []
    }
  })

  test('for a user who has as many projects as allowed', async () => {
    const { name, client } = somebody('guest')
    const user = bench.gitlab.state.users.find(({ username }) => username === name)
    if (user) user.projectsLimit = 0
    const error = await failure(ensure(`${name}/ds`, {}, client))
    expect(error).toMatchObject({ kind: 'limit', status: 403 })
    expect(error.message).toMatch(/may make no more projects: .*project limit is 0/)
  })

  test('for a user who is blocked', async () => {
    const { name, group, client } = somebody('developer')
    const user = bench.gitlab.state.users.find(({ username }) => username === name)
    if (user) user.state = 'blocked'
    const error = await failure(ensure(`${group}/ds`, {}, client))
    expect(error).toMatchObject({ kind: 'forbidden' })
    expect(error.message).toMatch(/has been blocked/)
  })

  test('for a name that something else has', async () => {
    const group = newGroup()
    await bench.gitlab.addProject(`${group}/other-path`, { name: 'ds' })
    const error = await failure(ensure(`${group}/ds`))
    expect(error).toMatchObject({ kind: 'taken', status: 400 })
    expect(error.message).toContain(`the name ds is taken in ${group}`)
  })

  test('for a group that was deleted', async () => {
    const group = newGroup()
    bench.gitlab.addGroup(`${group}/a`).markedForDeletion = '2026-11-20'
    const error = await failure(ensure(`${group}/a/ds`))
    expect(error.kind).toBe('deleting')
    expect(error.message).toMatch(/the group was deleted on 2026-11-20/)
  })

  test('for an abort', async () => {
    const stop = new AbortController()
    bench.gitlab.fault({ on: 'POST /projects', how: 'silent' })
    const work = failure(ensure(`${newGroup()}/ds`, {}, bench.client({ signal: stop.signal })))
    await expect.poll(() => changes()).toHaveLength(1)
    stop.abort()
    expect(await work).toMatchObject({ kind: 'aborted' })
  })
})

describe('what GitLab would refuse is refused before anything is sent', () => {
  test.each([
    ['ds', /lies in no group/],
    ['lab/', /a name is empty/],
    ['/lab/ds', /a name is empty/],
    ['lab/_ds', /single - _ \. between/],
    ['lab/a--b', /single - _ \. between/],
    ['lab/a b', /single - _ \. between/],
    ['lab/ü', /single - _ \. between/],
    ['lab/ds.git', /must not end in \.git/],
    ['lab/ds.atom', /must not end in/],
    [`lab/${'a'.repeat(256)}`, /longer than 255/],
    ['lab/wikis', /keeps that name for itself/],
    ['lab/Tree/ds', /keeps that name for itself/],
    ['lab/..', /single - _ \. between/],
    ['admin/ds', /keeps the name admin for itself/],
  ])('%s', async (path, reason) => {
    await expect(ensure(path)).rejects.toThrow(reason)
    await expect(ensure(path)).rejects.toMatchObject({ name: 'ConfigError' })
    expect(bench.gitlab.requests).toEqual([])
  })

  test('an id that is none', async () => {
    await expect(ensure('lab/ds', { datasetId: 'x' })).rejects.toThrow(/"x" is no id of a dataset/)
    await expect(ensure('lab/ds', { datasetId: `${randomUUID()}\n` })).rejects.toThrow(/is no id of a dataset/)
  })
})

describe('a plan', () => {
  const plan = (path: string, wish: Partial<ProjectWish> = {}) =>
    planProject(bench.client(), { path, datasetId: ID, createGroups: true, ...wish })

  test('says what would be made, and makes nothing', async () => {
    const group = newGroup()
    expect(await plan(`${group}/a/b/ds`)).toEqual({ project: undefined, missingGroups: [`${group}/a`, `${group}/a/b`] })
    expect(changes()).toEqual([])
  })

  test('finds what is there, and objects as the real thing does', async () => {
    const path = `${newGroup()}/ds`
    await ensure(path)
    expect(await plan(path)).toMatchObject({ project: { fullPath: path }, missingGroups: [] })
    expect(await failure(plan(path, { datasetId: OTHER }))).toMatchObject({ kind: 'foreign' })
    expect(await failure(plan(`${newGroup()}/a/ds`, { createGroups: false }))).toMatchObject({ kind: 'absent' })
  })
})
