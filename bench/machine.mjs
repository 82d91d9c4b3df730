/** What the figures were measured on and with. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { NEWER_RCLONE } from './suites-s3.mjs'

/** @param {string} command @returns {string} the first line of what it says, on stdout or stderr */
function firstLine(command) {
  try {
    const output = execFileSync('sh', ['-c', `${command} 2>&1`], { encoding: 'utf8' })
    return output.trim().split('\n')[0] ?? ''
  } catch {
    return 'not found'
  }
}

/** @param {string} directory */
const fileSystem = (directory) => `${directory} (${firstLine(`stat -f -c %T ${directory}`)})`

/** @param {{dir: string, diskDir: string}} options */
export function describeMachine(options) {
  const versionOf = (/** @type {string} */ command) => firstLine(`PATH=/usr/bin:/bin:$PATH ${command}`)
  const project = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  return {
    machine: {
      processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      memory: `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`,
      kernel: `Linux ${release()}`,
      'repositories and stores': fileSystem(options.dir),
      'load average before the run': loadavg()[0].toFixed(1),
      'rows about a disk': fileSystem(options.diskDir),
    },
    versions: {
      riastore: project.version,
      node: process.version,
      'git-annex': versionOf('git-annex version').replace('git-annex version: ', ''),
      DataLad: versionOf('datalad --version').replace('datalad ', ''),
      OpenSSH: versionOf('ssh -V'),
      rsync: versionOf('rsync --version').replace(/ +protocol.*/, ''),
      git: versionOf('git --version').replace('git version ', ''),
      rclone: versionOf('rclone version').replace('rclone ', ''),
      'rclone gitannex': versionOf(`'${NEWER_RCLONE}' version`).replace('rclone ', ''),
      '7-Zip': versionOf('7z i | grep 7-Zip').replace(/ : .*/, ''),
    },
  }
}
