import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { killTree } from '../programs/processes.ts'
import { systemProgram } from '../programs/programs.ts'
import { type Running, run, runOk, start } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'
import { freePort } from './sshd.ts'

/** A real Slurm with one node, this machine, and a munge of its own. */
export interface Slurm {
  /** What its programs want in the environment. */
  readonly env: NodeJS.ProcessEnv
  /** Runs a program of Slurm's; throws when it fails. Returns what it printed. */
  command(name: string, ...args: string[]): Promise<string>
  /** `COMPLETED`, `CANCELLED`…, of a task of an array: `5_1`. */
  stateOf(task: string): Promise<string>
  close(): Promise<void>
}

/** `env`: of what its programs run. */
export async function startSlurm(env: NodeJS.ProcessEnv, { tasks = 4 } = {}): Promise<Slurm> {
  const directory = await temporaryDirectory()
  const file = (name: string) => `${directory.path}/${name}`
  const name = hostname().split('.')[0] ?? 'localhost'
  for (const each of ['munge', 'state', 'spool']) await mkdir(file(each))
  for (const each of [directory.path, file('munge')]) await chmod(each, 0o755) // munge insists
  await writeFile(file('munge/key'), randomBytes(1024), { mode: 0o600 })
  const user = userInfo().username
  const lines = [
    'ClusterName=test',
    `SlurmctldHost=${name}(127.0.0.1)`,
    `SlurmUser=${user}`,
    `SlurmdUser=${user}`,
    'AuthType=auth/munge',
    `AuthInfo=socket=${file('munge/socket')}`,
    'CredType=cred/munge',
    'CommunicationParameters=NoInAddrAny',
    `StateSaveLocation=${file('state')}`,
    `SlurmdSpoolDir=${file('spool')}`,
    `SlurmctldPidFile=${file('slurmctld.pid')}`,
    `SlurmdPidFile=${file('slurmd.pid')}`,
    `SlurmctldPort=${await freePort()}`,
    `SlurmdPort=${await freePort()}`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core',
    'SlurmdParameters=config_overrides', // more processors than there are
    'ReturnToService=2',
    'MpiDefault=none',
    `NodeName=${name} NodeAddr=127.0.0.1 CPUs=${tasks} State=UNKNOWN`,
    'PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
  ]
  await writeFile(file('slurm.conf'), `${lines.join('\n')}\n`)
  const own = { ...env, SLURM_CONF: file('slurm.conf') }
  const options = { env: own, timeoutMs: 24 * 3_600_000 }
  const munge = ['key-file:key', 'socket:socket', 'pid-file:pid', 'log-file:log', 'seed-file:seed']
  const servers: Running[] = [
    start(
      await systemProgram('munged'),
      ['--foreground', '--force', ...munge.map((each) => `--${each.replace(':', `=${file('munge')}/`)}`)],
      options,
    ),
    start(await systemProgram('slurmctld'), ['-D', '-f', file('slurm.conf')], options),
    start(await systemProgram('slurmd'), ['-D', '-f', file('slurm.conf'), '-N', name], options),
  ]
  const command = async (program: string, ...args: string[]) =>
    (await runOk(await systemProgram(program), args, { env: own })).stdout
  const close = async () => {
    for (const { pid } of servers.reverse()) await killTree(pid)
    await directory.remove()
  }
  const sinfo = await systemProgram('sinfo')
  while (!(await run(sinfo, ['--noheader', '--format=%T'], { env: own })).stdout.includes('idle')) {
    const dead = servers.find(({ child }) => child.exitCode !== null)
    if (dead !== undefined) {
      await close()
      throw new Error(`Slurm did not start: ${dead.stderr()}`)
    }
    await sleep(100)
  }
  return {
    env: own,
    command,
    stateOf: async (task) => /JobState=(\w+)/.exec(await command('scontrol', 'show', 'job', task))?.[1] ?? '',
    close,
  }
}
