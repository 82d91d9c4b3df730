import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseProxies } from '../../../src/serve/gate.ts'
import { projectDirectory, systemProgram } from '../../support/programs/programs.ts'
import { type Running, run, runOk, start } from '../../support/programs/run.ts'
import { commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { freePort } from '../../support/servers/sshd.ts'
import { CONTENT, DIRECTORY, ID, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let served: ServedStore
const running: Running[] = []

beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
  const at = (name: string) => join(directory.path, name)
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  await commitFiles(store, DIRECTORY, { 'README.md': '# A study\n' }, { branch: 'a/b' })
  const rules = { public: [], users: { alice: [ID], bob: [] }, tokens: {} }
  await writeFile(at('access.json'), JSON.stringify(rules))
  served = await serveStore(store, {
    accessFile: at('access.json'),
    proxies: parseProxies(['127.0.0.1']),
    identityHeader: 'x-remote-user',
    hosts: new Set(['data.example.org']),
  })
  const { stdout } = await runOk('openssl', ['passwd', '-apr1', 'password'])
  await writeFile(at('users'), `alice:${stdout.trim()}\nbob:${stdout.trim()}\n`)
  const subject = ['-subj', '/CN=data.example.org', '-days', '2', '-nodes']
  const files = ['-keyout', at('key.pem'), '-out', at('cert.pem')]
  await runOk('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files])
  await chmod(at('key.pem'), 0o644)
})
afterAll(async () => {
  for (const each of running) {
    each.killGroup('SIGTERM')
    await each.done
  }
  await served?.close()
  await directory?.remove()
})

const APACHE = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic']
const APACHE_PROXY = ['socache_shmcb', 'ssl', 'headers', 'proxy', 'proxy_http']

/** Starts a proxy with the part that we ship. Returns its port. */
async function proxy(name: 'nginx' | 'apache'): Promise<number> {
  const port = await freePort()
  const work = directory.path
  const shipped = await readFile(join(projectDirectory, `docs/serve-${name}.conf`), 'utf8')
  const part = shipped
    .replace(/\b443\b/, name === 'nginx' ? `127.0.0.1:${port}` : String(port))
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${served.port}`)
    .replaceAll('/etc/ssl/data.example.org.pem', `${work}/cert.pem`)
    .replaceAll('/etc/ssl/data.example.org.key', `${work}/key.pem`)
    .replace(/\/etc\/(nginx|apache2)\/users/, `${work}/users`)
  const file = join(work, `${name}.conf`)
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : ''
  if (name === 'nginx') {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (each) => `${each}_temp_path ${work}/${each};`,
    )
    await writeFile(
      file,
      `daemon off; master_process off; pid ${work}/nginx.pid; error_log ${work}/nginx.log; events {}
http { access_log off; ${temporary.join(' ')}\n${part} }\n`,
    )
    running.push(start(await systemProgram('nginx'), ['-c', file, '-e', `${work}/nginx.log`], {}))
  } else {
    const modules = [...APACHE, ...APACHE_PROXY].map(
      (each) => `LoadModule ${each}_module /usr/lib/apache2/modules/mod_${each}.so`,
    )
    await writeFile(
      file,
      `ServerRoot ${work}\nServerName localhost\nPidFile ${work}/apache.pid\nErrorLog ${work}/apache.log
DefaultRuntimeDir ${work}\n${modules.join('\n')}\n${user}Listen 127.0.0.1:${port}\n${part}`,
    )
    running.push(start(await systemProgram('apache2'), ['-f', file, '-DFOREGROUND'], {}))
  }
  await expect
    .poll(async () => (await run('curl', ['-sk', `https://127.0.0.1:${port}/`])).status, { timeout: 60_000 })
    .toBe(0)
  return port
}

describe.each(['nginx', 'apache'] as const)('with %s in front, as our page has it', (name) => {
  test('who logged in reads what is his, over TLS, and nobody is somebody else by a header', async () => {
    const port = await proxy(name)
    const ask = async (path: string, ...options: string[]) => {
      const to = ['--resolve', `data.example.org:${port}:127.0.0.1`, '--cacert', join(directory.path, 'cert.pem')]
      const url = `https://data.example.org:${port}${path}`
      const { stdout } = await runOk('curl', ['-s', '--path-as-is', ...to, '-w', '\n%{http_code}', ...options, url])
      const at = stdout.lastIndexOf('\n')
      return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) }
    }
    const alice = ['-u', 'alice:password']
    expect(await ask(`/${PLACE}`, ...alice)).toEqual({ status: 200, body: CONTENT.toString() })
    expect(await ask(`/${PLACE}`, ...alice, '-r', '4-10')).toEqual({ status: 206, body: 'content' })
    expect(await ask(`/d/${ID}/a%2Fb/README.md`, ...alice)).toEqual({ status: 200, body: '# A study\n' })
    expect((await ask('/', ...alice)).body).toContain(ID)
    expect((await ask(`/d/${ID}/a%2Fb/`, ...alice)).body).toContain(`ria+https://data.example.org:${port}/#${ID}`)
    const forged = ['-H', 'X-Remote-User: alice', '-H', 'X-Forwarded-For: 203.0.113.9']
    expect((await ask(`/${PLACE}`, '-u', 'bob:password', ...forged)).status).toBe(403)
    expect((await ask(`/${PLACE}`, ...forged)).status).toBe(401)
    expect((await ask(`/d/${ID}/../../etc/passwd`, ...alice)).body).not.toContain('root:')
    await expect.poll(() => served.log.at(-1)?.client).toBe('127.0.0.1')
    expect(served.log.filter(({ client }) => client !== '127.0.0.1')).toEqual([])
  })
})
