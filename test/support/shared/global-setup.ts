import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { projectDirectory } from '../programs/programs.ts'
import { killAllRunning, runOk } from '../programs/run.ts'
import { makeAnnexTemplate } from '../repos/quick-annex.ts'
import { type CephRgw, startCephRgw } from '../servers/ceph-rgw.ts'
import { GIT_CONFIG } from '../worlds/git-config.ts'
import { SHARED_SERVICES, type SharedServices } from './services.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a worker asks for what all test files share. */
    readonly sharedServices: string
  }
}

/**
 * Runs once per run, in vitest's own process. Nothing is started here but a server on 127.0.0.1,
 * which a worker asks for a service by its name; the first question makes it. So a run of one file
 * builds or starts only what that file needs.
 */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'riastore-run-'))
  let ceph: CephRgw | undefined
  const services: { [Name in keyof SharedServices]: () => Promise<SharedServices[Name]> } = {
    dist: () => builtPrograms(join(directory, 'dist')),
    annex: () => makeAnnexTemplate(join(directory, 'annex'), GIT_CONFIG),
    ceph: async () => {
      ceph = await startCephRgw()
      return { port: ceph.port, directory: ceph.directory }
    },
  }
  const made = new Map<string, Promise<unknown>>()
  const secret = randomBytes(16).toString('hex')
  const server = createServer(async (request, response) => {
    const [, given = '', name = ''] = request.url?.split('/') ?? []
    const service = SHARED_SERVICES.find((each) => each === name)
    if (given !== secret || service === undefined) return response.writeHead(404).end()
    const answer = made.get(service) ?? services[service]()
    made.set(service, answer)
    await answer.then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(String((error as Error).message)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  provide('sharedServices', `http://127.0.0.1:${address.port}/${secret}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    await Promise.allSettled(made.values())
    await ceph?.stop()
    killAllRunning()
    await rm(directory, { recursive: true, force: true })
    await rm(join(tmpdir(), `riastore-kept-${process.pid}`), { recursive: true, force: true }) // vitest.config.ts
  }
}

/**
 * Builds the programs if they are older than their sources, and copies them: a build during the run
 * changes nothing.
 */
async function builtPrograms(directory: string): Promise<string> {
  await runOk(process.execPath, [join(projectDirectory, 'scripts/build.mjs'), '--if-stale'])
  await cp(join(projectDirectory, 'dist'), directory, { recursive: true })
  return directory
}
