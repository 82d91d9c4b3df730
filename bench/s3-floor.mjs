#!/usr/bin/env node
/**
 * What an S3 server takes for many small objects, whoever asks: each by one request over one of a
 * few connections that are kept, signed, and nothing else. No checksum, no file, no retry.
 *
 *   node bench/s3-floor.mjs put|get ENDPOINT BUCKET DIRECTORY [CONNECTIONS]
 *
 * `put` stores the files below DIRECTORY as `floor/<number>`, `get` reads as many again. The
 * account is the environment's (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).
 */
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

const [op = '', endpoint = '', bucket = '', directory = '', connections = '16'] = process.argv.slice(2)
const { hostname, port, host } = new URL(endpoint)
const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = process.env

const sha256 = (/** @type {string | Buffer} */ content) => createHash('sha256').update(content).digest('hex')
const hmac = (/** @type {string | Buffer} */ key, /** @type {string} */ text) =>
  createHmac('sha256', key).update(text).digest()

const NAMES = 'host;x-amz-content-sha256;x-amz-date'
const NOTHING = sha256('')
const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
const scope = `${now.slice(0, 8)}/us-east-1/s3/aws4_request`
const key = scope.split('/').reduce(hmac, /** @type {any} */ (`AWS4${AWS_SECRET_ACCESS_KEY}`))

/** @param {string} method @param {string} path @param {Buffer} [content] @returns {string} */
function headOf(method, path, content) {
  const hash = content === undefined ? NOTHING : sha256(content)
  const signed = `host:${host}\nx-amz-content-sha256:${hash}\nx-amz-date:${now}\n`
  const request = sha256(`${method}\n${path}\n\n${signed}\n${NAMES}\n${hash}`)
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${now}\n${scope}\n${request}`).toString('hex')
  const who = `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${NAMES}`
  const length = content === undefined ? [] : [`content-length:${content.length}`]
  const lines = [...signed.trim().split('\n'), `authorization:${who}, Signature=${signature}`, ...length]
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
let next = 0

/** Sends one request after the other until there are no more. @returns {Promise<void>} */
function work() {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 80), noDelay: true })
    /** @type {Buffer | undefined} */
    let seen
    const send = () => {
      const number = next++
      const file = files[number]
      if (file === undefined) {
        socket.end()
        return resolve()
      }
      const path = `/${bucket}/floor/${number}`
      if (op === 'get') return socket.write(headOf('GET', path), 'latin1')
      const content = readFileSync(join(file.parentPath, file.name))
      socket.cork()
      socket.write(headOf('PUT', path, content), 'latin1')
      socket.write(content)
      socket.uncork()
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (chunk) => {
      seen = seen === undefined ? chunk : Buffer.concat([seen, chunk])
      const end = seen.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = seen.toString('latin1', 0, end)
      if (!head.startsWith('HTTP/1.1 200 ')) return reject(new Error(head.split('\r\n')[0]))
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
      if (seen.length < end + 4 + length) return
      seen = undefined
      send()
    })
  })
}

if (op !== 'put' && op !== 'get') throw new Error('put or get')
await Promise.all(Array.from({ length: Number(connections) }, work))
