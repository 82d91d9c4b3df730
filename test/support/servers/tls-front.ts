import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'
import { runOk } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'

/** An authority of one's own, and a server with its certificate before another server. */
export interface TlsFront {
  readonly port: number
  /** The file with the authority's certificate, in PEM. */
  readonly authority: string
  close(): Promise<void>
}

/** Speaks TLS as `name`, and hands what comes on to a port of this computer. */
export async function startTlsFront(name: string, target: number): Promise<TlsFront> {
  const directory = await temporaryDirectory()
  const file = (each: string) => `${directory.path}/${each}`
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const authority = ['-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=an authority of one’s own']
  await runOk('openssl', ['req', '-x509', ...key, ...authority])
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-keyout', file('key'), '-out', file('pem')]
  await runOk('openssl', ['req', '-x509', ...key, ...subject, '-addext', 'basicConstraints=CA:FALSE', ...signed])
  const server = createServer({ key: await readFile(file('key')), cert: await readFile(file('pem')) }, (socket) => {
    const inner = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [socket, inner],
      [inner, socket],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
    }
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    authority: file('ca.pem'),
    close: async () => {
      server.close()
      await directory.remove()
    },
  }
}
