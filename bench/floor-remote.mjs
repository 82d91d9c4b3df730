#!/usr/bin/env node
/**
 * git-annex-remote-floor: the least an external special remote can do, so that nothing is faster
 * under git-annex.
 *
 * Keys lie flat in `directory`. Reads and writes are synchronous (no event loop turn per line), a
 * write is a temp file and a rename without fsync, and only requests that git-annex cannot do
 * without are answered. Not for real data.
 *
 * Protocol: https://git-annex.branchable.com/design/external_special_remote_protocol/
 */
import { copyFileSync, existsSync, renameSync, rmSync, writeSync } from 'node:fs'
import { readLine } from './read-line.mjs'

let directory = ''

/** @param {string} line */
function send(line) {
  writeSync(1, `${line}\n`, null, 'latin1')
}

/** @param {string} key */
const pathOf = (key) => Buffer.from(`${directory}/${key.replaceAll('/', '%')}`, 'latin1')

/**
 * @param {string} reply what to send when the work fails, the reason is added
 * @param {() => string} work gives the reply for success
 */
function answer(reply, work) {
  try {
    send(work())
  } catch (error) {
    send(`${reply} ${error.code ?? error.message}`)
  }
}

/** @param {string} direction @param {string} key @param {string} file */
function transfer(direction, key, file) {
  answer(`TRANSFER-FAILURE ${direction} ${key}`, () => {
    const local = Buffer.from(file, 'latin1')
    if (direction === 'STORE') {
      const temp = Buffer.from(`${directory}/tmp-${process.pid}`, 'latin1')
      copyFileSync(local, temp)
      renameSync(temp, pathOf(key))
    } else copyFileSync(pathOf(key), local)
    return `TRANSFER-SUCCESS ${direction} ${key}`
  })
}

/** @param {string} line */
function handle(line) {
  const [verb, first, second, ...rest] = line.split(' ')
  if (verb === 'TRANSFER') return transfer(first, second, rest.join(' '))
  if (verb === 'CHECKPRESENT') return send(`CHECKPRESENT-${existsSync(pathOf(first)) ? 'SUCCESS' : 'FAILURE'} ${first}`)
  if (verb === 'REMOVE') {
    return answer(`REMOVE-FAILURE ${first}`, () => {
      rmSync(pathOf(first), { force: true })
      return `REMOVE-SUCCESS ${first}`
    })
  }
  if (verb === 'INITREMOTE') return send('INITREMOTE-SUCCESS')
  if (verb === 'PREPARE') {
    send('GETCONFIG directory')
    directory = readLine().slice('VALUE '.length)
    return send('PREPARE-SUCCESS')
  }
  send('UNSUPPORTED-REQUEST')
}

send('VERSION 1')
for (let line = readLine(); line !== undefined; line = readLine()) handle(line)
