import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureProject } from '../../../src/gitlab/ensure-project.ts'
import { useGitLab } from '../../support/gitlab/bench.ts'
import { systemProgram } from '../../support/programs/programs.ts'
import { type Result, run } from '../../support/programs/run.ts'

const bench = useGitLab()
const ID = 'b1a9f1a4-3c2e-4d6e-9c0e-0a1b2c3d4e5f'

/**
 * Runs a program with python-gitlab (Debian's python3-gitlab), connected to our GitLab as `gl`. It
 * prints JSON.
 */
async function python(program: string, token = bench.gitlab.token): Promise<unknown> {
  const file = join(bench.directory, 'program.py')
  const head = 'import gitlab, json, os\ngl = gitlab.Gitlab(os.environ["URL"], private_token=os.environ["TOKEN"])\n'
  await writeFile(file, head + program)
  const env = { ...process.env, URL: bench.gitlab.url, TOKEN: token }
  // Debian's own python: another one may be first on PATH, without the package.
  const result: Result = await run(await systemProgram('python3'), [file], { env })
  if (result.status !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout)
}

test('python-gitlab finds what we made, and reads the same from it', async () => {
  bench.gitlab.addGroup('lab')
  const { project } = await ensureProject(bench.client(), {
    path: 'lab/data/eeg',
    datasetId: ID,
    createGroups: true,
    topics: ['eeg'],
    description: 'Ours',
  })
  const seen = await python(`
gl.auth()
project = gl.projects.get('lab/data/eeg')
group = gl.groups.get('lab/data')
namespace = gl.namespaces.get(gl.user.username)
print(json.dumps({
    'user': gl.user.username, 'id': project.id, 'path': project.path_with_namespace, 'empty': project.empty_repo,
    'topics': project.topics, 'description': project.description, 'branch': project.default_branch,
    'group': [group.full_path, group.visibility], 'parent': gl.groups.get(group.parent_id).full_path,
    'namespace': namespace.kind, 'listed': [p.path for p in gl.projects.list(search='ee', get_all=True)],
    'scopes': gl.http_get('/personal_access_tokens/self')['scopes'],
    'groups': [g.full_path for g in gl.groups.list(min_access_level=30, get_all=True, per_page=1)],
}))`)
  expect(seen).toEqual({
    user: 'owner',
    id: project.id,
    path: 'lab/data/eeg',
    empty: true,
    topics: ['eeg'],
    description: `Ours\n\nDataLad dataset ${ID}`,
    branch: null,
    group: ['lab/data', 'private'],
    parent: 'lab',
    namespace: 'user',
    listed: ['eeg'],
    scopes: ['api'],
    groups: ['lab/data', 'lab'],
  })
})

test('we find what python-gitlab made, and edited', async () => {
  bench.gitlab.addGroup('theirs')
  await python(`
parent = gl.groups.get('theirs')
group = gl.groups.create({'name': 'sub', 'path': 'sub', 'parent_id': parent.id, 'visibility': 'private'})
project = gl.projects.create({'name': 'ds', 'namespace_id': group.id})
project.description = 'DataLad dataset ${ID}'
project.save()
print('true')`)
  const wish = { path: 'theirs/sub/ds', datasetId: ID, createGroups: false }
  expect(await ensureProject(bench.client(), wish)).toMatchObject({ made: false, madeGroups: [] })
})

test('python-gitlab understands every refusal of our GitLab as one of GitLab', async () => {
  bench.gitlab.addGroup('full')
  await bench.gitlab.addProject('full/ds')
  const failed = await python(`
def failure(work):
    try:
        work()
    except gitlab.exceptions.GitlabError as error:
        return [type(error).__name__, error.response_code, json.dumps(error.error_message)]
gone = gl.projects.create({'name': 'gone', 'namespace_id': gl.groups.get('full').id})
gone.delete()
print(json.dumps({
    'absent': failure(lambda: gl.projects.get('full/nothing')),
    'group': failure(lambda: gl.groups.get('nothing')),
    'taken': failure(lambda: gl.projects.create({'name': 'ds', 'namespace_id': gl.groups.get('full').id})),
    'namespace': failure(lambda: gl.projects.create({'name': 'ds', 'namespace_id': 999999})),
    'visibility': failure(lambda: gl.projects.create(
        {'name': 'open', 'visibility': 'public', 'namespace_id': gl.groups.get('full').id})),
    'moved': gl.projects.get('full/gone').path.startswith('gone-deletion_scheduled-'),
    'unknown': failure(lambda: gitlab.Gitlab(os.environ['URL'], private_token='glpat-wrong').auth()),
}))`)
  expect(failed).toMatchObject({
    absent: ['GitlabGetError', 404, '"404 Project Not Found"'],
    group: ['GitlabGetError', 404, '"404 Group Not Found"'],
    taken: ['GitlabCreateError', 400, expect.stringContaining('has already been taken')],
    namespace: ['GitlabCreateError', 400, '{"namespace": ["is not valid"]}'],
    visibility: ['GitlabCreateError', 400, expect.stringContaining('public is not allowed in a private group.')],
    moved: true,
    unknown: ['GitlabAuthenticationError', 401, '"401 Unauthorized"'],
  })
})

test('a rate limit is waited out by python-gitlab as it is by us', async () => {
  const answer = { status: 429, body: 'Retry later', headers: { 'retry-after': '1' } }
  bench.gitlab.fault({ on: 'GET /user', answer })
  expect(await python('gl.auth()\nprint(json.dumps(gl.user.username))')).toBe('owner')
  expect(bench.gitlab.requests.map(({ status }) => status)).toEqual([429, 200])
})

test('what is not in the contract is noticed: an unknown field, a missing one, an unknown call', async () => {
  const { gitlab } = bench
  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${gitlab.url}/api/v4${path}`, {
      method,
      headers: { authorization: `Bearer ${gitlab.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const statuses = []
  statuses.push((await ask('POST', '/projects', { name: 'a', namespace: 3 })).status)
  statuses.push((await ask('POST', '/groups', { name: 'a' })).status)
  statuses.push((await ask('POST', '/projects', { name: 'a', path: 'a--b' })).status)
  statuses.push((await ask('GET', '/projects/a/b')).status)
  statuses.push((await ask('GET', '/projects?per_page=500')).status)
  statuses.push((await ask('GET', '/users')).status)
  expect(statuses).toEqual(Array(6).fill(418))
  expect(gitlab.violations).toHaveLength(6)
  gitlab.violations.length = 0
})
