/**
 * Setting a dataset up: a store on a disk and a project in GitLab, by our procedure and by
 * DataLad's two commands.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeTree } from './files.mjs'
import { once } from './repositories.mjs'
import { loadSupport } from './support.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */

const GROUP = 'lab/data'
const SITE = 'lab'

/** In each round. */
const DATASETS = 3

/** @param {Bench} bench */
function openSetup({ workspace }) {
  const { main } = workspace
  const store = (/** @type {string} */ peer) => `ria+file://${join(main.root, 'stores', `setup-${peer}`)}`
  const prepared = once(async () => {
    const { startGitLab } = await loadSupport('gitlab/server')
    const gitlab = await startGitLab({ directory: join(main.root, 'gitlab') })
    workspace.atEnd(() => gitlab.close())
    gitlab.addGroup(GROUP)
    const variables = { GITLAB_TOKEN: gitlab.token, PYTHON_GITLAB_CFG: join(main.root, 'python-gitlab.cfg') }
    const token = `private_token = ${gitlab.token}`
    writeFileSync(variables.PYTHON_GITLAB_CFG, `[${SITE}]\nurl = ${gitlab.url}\napi_version = 4\n${token}\n`)
    await workspace.run(['riastore', 'init', store('ours')], main.root)
    const site = ['--store', store('ours'), '--gitlab', gitlab.url, '--gitlab-group', GROUP]
    await workspace.run(['riastore', 'site', 'add', SITE, ...site], main.root, { variables })
    return { gitlab, variables }
  })
  return { prepare: () => prepared(''), store }
}

/**
 * @param {Bench} bench @param {ReturnType<typeof openSetup>} setup @param {string} peer
 * @param {(name: string) => Record<string, string[]>} commands by operation; each gets a new
 * dataset
 * @returns {Block}
 */
function block(bench, setup, peer, commands) {
  const labels = { suite: 'setup', peer }
  const run = async (/** @type {number} */ round) => {
    const { main } = bench.workspace
    const { gitlab, variables } = await setup.prepare()
    for (let i = 0; i < DATASETS; i++) {
      for (const op of Object.keys(commands(''))) {
        const name = `${peer}-${op}-${round}-${i}`
        const dataset = join(main.root, name)
        try {
          await bench.workspace.run(['datalad', 'create', dataset], main.root)
          await bench.measure({ ...labels, op, round }, commands(name)[op], dataset, { variables })
          if (gitlab.project(`${GROUP}/${name}`) === undefined) throw new Error(`${name} has no project`)
        } finally {
          removeTree(dataset)
        }
      }
    }
  }
  return { name: `setup/${peer}`, labels, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function setupBlocks(bench) {
  const setup = openSetup(bench)
  const ria = `datalad create-sibling-ria -s store --new-store-ok ${setup.store('datalad')}`
  const project = `datalad create-sibling-gitlab --site ${SITE} --layout flat --access http --publish-depends store --project ${GROUP}`
  return [
    block(bench, setup, 'ours', () => ({
      procedure: ['riastore', 'procedure', SITE, '.'],
      'run-procedure': ['datalad', 'run-procedure', `cfg_${SITE}`],
    })),
    block(bench, setup, 'datalad', (name) => ({ both: ['sh', '-c', `${ria} && ${project}/${name}`] })),
  ]
}
