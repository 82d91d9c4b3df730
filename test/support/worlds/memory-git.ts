import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { messageOf } from '../../../src/core/errors.ts'
import { resolveAlias } from '../../../src/git/alias.ts'
import { RemoteHelper } from '../../../src/git/remote-helper.ts'
import { StoredRepository } from '../../../src/git/repository.ts'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { type CallMade, type FaultPlan, type FaultyStore, withFaults } from '../../../src/store/wrappers/faulty.ts'
import { startWebServer } from '../servers/web-server.ts'
import { paths, read, withMethods, wrapped, write } from '../stores/stores.ts'
import { type GitCommands, gitCommands } from './git-commands.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/**
 * What git starts for `memory://…`: it hands over what is said, by both, to the process of the
 * tests.
 */
const HELPER = `
const net = require('node:net')
const [, , socket, , url] = process.argv
const server = net.connect(socket)
server.write(JSON.stringify({ url, gitDir: require('node:path').resolve(process.env.GIT_DIR) }) + '\\n')
process.stdin.pipe(server)
require('node:readline').createInterface({ input: server }).on('line', (line) => {
  const { out = '', err = '', code } = JSON.parse(line)
  process.stdout.write(out)
  process.stderr.write(err)
  if (code !== undefined) process.exit(code)
})
`

/**
 * A store in memory, in this process, and a git that pushes to it and fetches from it through our
 * remote helper, which runs in this process too. What a test sees and changes of the store is at
 * once what the helper sees. One helper at a time: it is told which repository it works in by the
 * environment of the process.
 */
export interface MemoryGit extends GitCommands {
  readonly workspace: Workspace
  readonly env: NodeJS.ProcessEnv
  /** The store as it is. */
  readonly store: Store
  /** Calls that helpers made, oldest first. */
  readonly calls: readonly CallMade[]
  /** Until `reset`, helpers that start have these methods instead of the store's. */
  change(methods: Partial<Store>): void
  /** Until `reset`, the store fails so for each helper that starts. */
  fail(plan: FaultPlan): void
  /** Forgets changes, faults and calls. */
  reset(): void
  /** Makes an empty dataset and gives its URL for git. */
  dataset(id: string): Promise<string>
  /**
   * The URL of a directory of the store at a web server, for a git without our helper. It has what
   * is in the store now.
   */
  web(directory: string): Promise<string>
  remove(): Promise<void>
}

export async function makeMemoryGit(): Promise<MemoryGit> {
  const workspace = await makeWorkspace()
  const store = openMemoryStore()
  await write(store, 'ria-layout-version', '1\n')
  let changed: Partial<Store> = {}
  let faults: FaultPlan = []
  let seen: FaultyStore[] = []
  const openStore = () => {
    const faulty = withFaults(withMethods(store, changed), faults)
    seen.push(faulty)
    return wrapped(faulty)
  }
  const socket = workspace.path('helper.socket')
  // git has closed its side when the helper tidies up.
  const server = createServer({ allowHalfOpen: true }, (connection) => void serveHelper(connection, openStore))
  server.listen(socket)
  await once(server, 'listening')
  workspace.onRemove(async () => void server.close())
  const web = onDemand(async () => {
    const started = await startWebServer(workspace.path('web'))
    workspace.onRemove(() => started.close())
    return started
  })
  const script = workspace.path('helper.cjs')
  await writeFile(script, HELPER)
  const command = `#!/bin/sh\nexec '${process.execPath}' '${script}' '${socket}' "$@"\n`
  await writeFile(workspace.path('programs/git-remote-memory'), command, { mode: 0o755 })
  // The helper's own git is to find what the user's has.
  Object.assign(process.env, workspace.env)
  return {
    ...gitCommands(workspace, workspace.env),
    workspace,
    env: workspace.env,
    store,
    get calls() {
      return seen.flatMap(({ calls }) => calls)
    },
    change: (methods) => {
      changed = methods
    },
    fail: (plan) => {
      faults = plan
    },
    reset: () => {
      changed = {}
      faults = []
      seen = []
    },
    dataset: async (id) => {
      await write(store, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
      return `memory://${datasetDirectory(id)}`
    },
    web: async (directory) => {
      const root = workspace.path('web')
      await rm(root, { recursive: true, force: true })
      for (const path of await paths(store, '')) {
        await mkdir(dirname(join(root, path)), { recursive: true })
        await writeFile(join(root, path), await read(store, path))
      }
      return `${(await web()).url}/${directory}`
    },
    remove: workspace.remove,
  }
}

/** As runRemoteHelper does it, with a connection in the place of stdin, stdout and stderr. */
async function serveHelper(connection: Socket, openStore: () => Store): Promise<void> {
  const send = (message: object) => void (connection.writable && connection.write(`${JSON.stringify(message)}\n`))
  connection.on('error', () => {})
  let leave = () => {}
  const options = { verbosity: 1, progress: false }
  try {
    let helper: RemoteHelper | undefined
    for await (const line of createInterface({ input: connection })) {
      if (helper === undefined) {
        const { url, gitDir } = JSON.parse(line) as { url: string; gitDir: string }
        leave = enterRepository(gitDir)
        const opened = onDemand(async () => {
          const store = openStore()
          const dataset = await resolveAlias(new StoredDataset(store, url.slice('memory://'.length)))
          return new StoredRepository(dataset, { gitDir, shows: false })
        })
        const say = (...lines: readonly string[]) => send({ out: lines.map((each) => `${each}\n`).join('') })
        helper = new RemoteHelper(opened, options, say, (each) => send({ err: `${each}\n` }))
      } else if (!(await helper.handle(line))) break
    }
    leave()
    send({ code: 0 })
  } catch (error) {
    leave()
    send({ err: `fatal: ${messageOf(error)}\n`, code: 128 })
  }
  connection.end()
}

/** The repositories that helpers are at work in. The last one is in the environment. */
const repositories: { readonly gitDir: string }[] = []
let gitDirOfTest: string | undefined

/**
 * Has GIT_DIR name a repository; what comes back ends that. The helper of a git that was killed
 * ends only when its last call has stalled, and others are at work by then: they keep theirs.
 */
export function enterRepository(gitDir: string): () => void {
  if (repositories.length === 0) gitDirOfTest = process.env.GIT_DIR
  const own = { gitDir }
  repositories.push(own)
  process.env.GIT_DIR = gitDir
  return () => {
    const at = repositories.indexOf(own)
    if (at < 0) return
    repositories.splice(at, 1)
    const current = repositories.at(-1)?.gitDir ?? gitDirOfTest
    if (current === undefined) delete process.env.GIT_DIR
    else process.env.GIT_DIR = current
  }
}

/** Calls it when it is first asked, and gives the same ever after. */
function onDemand<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
