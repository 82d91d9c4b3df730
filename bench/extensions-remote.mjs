#!/usr/bin/env node
/**
 * A remote that keeps keys as a RIA store does, and answers a request for one in the way that
 * $EXTENSION names: `none` copies it, `DELEGATE` leaves it to git-annex's own directory remote,
 * `TRANSFER-RETRIEVE-URL` to git-annex's own client for http, from $SERVER. Not for real data.
 *
 * Protocol: https://git-annex.branchable.com/design/external_special_remote_protocol/
 */
import { copyFileSync, existsSync, mkdirSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { readLine } from './read-line.mjs'

const { EXTENSION = 'none', SERVER } = process.env
let directory = ''

const send = (/** @type {string} */ line) => writeSync(1, `${line}\n`)

/** @param {string} question @returns {string} */
function ask(question) {
  send(question)
  return readLine()?.slice('VALUE '.length) ?? ''
}

const placeOf = (/** @type {string} */ key) => `${ask(`DIRHASH ${key}`)}${key}/${key}`

/** @param {string} key @param {string} file @returns {string} the answer */
function retrieve(key, file) {
  if (EXTENSION === 'DELEGATE') return `DELEGATE type=directory ephemeral=yes directory=${directory}`
  if (EXTENSION === 'TRANSFER-RETRIEVE-URL') return `TRANSFER-RETRIEVE-URL ${key} ${SERVER}/${placeOf(key)}`
  copyFileSync(`${directory}/${placeOf(key)}`, file)
  return `TRANSFER-SUCCESS RETRIEVE ${key}`
}

/** @param {string} key @param {string} file @returns {string} the answer */
function store(key, file) {
  const place = `${directory}/${placeOf(key)}`
  mkdirSync(dirname(place), { recursive: true })
  copyFileSync(file, place)
  return `TRANSFER-SUCCESS STORE ${key}`
}

/** @param {string} line @returns {string} the answer */
function answer(line) {
  const [verb = '', first = '', second = '', ...file] = line.split(' ')
  if (verb === 'EXTENSIONS') return 'EXTENSIONS DELEGATE TRANSFER-RETRIEVE-URL'
  if (verb === 'INITREMOTE') return 'INITREMOTE-SUCCESS'
  if (verb === 'PREPARE') {
    directory = ask('GETCONFIG directory')
    return 'PREPARE-SUCCESS'
  }
  if (verb === 'TRANSFER') return (first === 'STORE' ? store : retrieve)(second, file.join(' '))
  if (verb === 'CHECKPRESENT')
    return `CHECKPRESENT-${existsSync(`${directory}/${placeOf(first)}`) ? 'SUCCESS' : 'FAILURE'} ${first}`
  return 'UNSUPPORTED-REQUEST'
}

send('VERSION 2')
for (let line = readLine(); line !== undefined; line = readLine()) send(answer(line))
