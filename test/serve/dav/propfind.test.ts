import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

let served: ServedStore
beforeAll(async () => {
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  const files = { 'README.md': '# A study\n', 'a.constructor': 'x\n', 'sub-01/x.tsv': annexLink(KEY) }
  await commitFiles(store, DIRECTORY, { ...files, 'sub-01/Y.JPG': annexLink(KEY) })
  served = await serveStore(store)
})
afterAll(() => served.close())

async function find(path: string, body: string, depth = '0') {
  const url = `http://127.0.0.1:${served.port}/d/${ID}/main/${path}`
  const response = await fetch(url, { method: 'PROPFIND', headers: { Depth: depth }, body })
  return { status: response.status, text: await response.text() }
}

const propfind = (inner: string) =>
  `<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:">${inner}</D:propfind>`
const TSV = 'text/tab-separated-values; charset=utf-8'
const tagOf = (key: string) => `<getetag>&quot;${key}&quot;</getetag>`

describe('PROPFIND (RFC 4918, 9.1)', () => {
  test('tells what is asked for, and of what is not there that it is not', async () => {
    const wanted = '<D:getcontentlength/><D:getcontenttype/><D:lockdiscovery/><x:a xmlns:x="urn:x&amp;y"/>'
    const { status, text } = await find('sub-01/x.tsv', propfind(`<D:prop>${wanted}</D:prop>`))
    expect(status).toBe(207)
    const prop = `<getcontentlength>22</getcontentlength><getcontenttype>${TSV}</getcontenttype>`
    const none = '<lockdiscovery xmlns="DAV:"/><a xmlns="urn:x&amp;y"/>'
    expect(text).toContain(
      `<propstat><prop>${prop}</prop><status>HTTP/1.1 200 OK</status></propstat>` +
        `<propstat><prop>${none}</prop><status>HTTP/1.1 404 Not Found</status></propstat>`,
    )
  })

  test('tells all properties, or their names, and the same of a file as of what is in its directory', async () => {
    const all = (text: string) => /<href>[^<]*x\.tsv<\/href>(.*)<\/response>/.exec(text)?.[1]
    const { text } = await find('sub-01/x.tsv', propfind('<D:allprop/>'))
    expect(all(text)).toContain('<displayname>x.tsv</displayname>')
    expect(all(text)).toContain(tagOf(KEY))
    expect(all((await find('sub-01/x.tsv', '')).text)).toBe(all(text))
    expect(all((await find('sub-01/', '', '1')).text)).toBe(all(text))
    const names = (await find('sub-01/x.tsv', propfind('<D:propname/>'))).text
    expect(names).toContain('<resourcetype/><displayname/><getcontenttype/>')
    expect(names).not.toContain('22')
  })

  test.each([
    ['no XML', '<foo>'],
    ['a namespace without a name (Namespaces in XML 1.0, 2.2)', propfind('<D:prop><b:a xmlns:b=""/></D:prop>')],
    ['a prefix that nobody named', propfind('<D:prop><b:a/></D:prop>')],
    ['another document', '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:"/>'],
    ['another namespace', '<propfind xmlns="urn:x"><allprop/></propfind>'],
    ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${propfind('<D:allprop/>')}`],
    ['nothing', propfind('')],
    ['two things', propfind('<D:allprop/><D:propname/>')],
    ['too much', propfind(`<D:prop>${'<D:a/>'.repeat(10_000)}</D:prop>`)],
    ['half of it', propfind('<D:allprop/>').slice(0, -3)],
  ])('is told that it is none: %s', async (_what, body) => {
    const { status, text } = await find('sub-01/', body)
    expect(status).toBe(400)
    expect(text).toMatch(/PROPFIND/)
  })

  test('passes over what it does not know (17)', async () => {
    const { status, text } = await find('sub-01/x.tsv', propfind('<D:propname/><x:y xmlns:x="urn:x"><D:prop/></x:y>'))
    expect(status).toBe(207)
    expect(text).toContain('<getcontentlength/>')
  })
})

test('the type of a file is the same by WebDAV and by GET, whatever its name is', async () => {
  for (const [path, type] of [
    ['README.md', 'text/markdown; charset=utf-8'],
    ['a.constructor', 'application/octet-stream'],
    ['sub-01/x.tsv', TSV],
    ['sub-01/Y.JPG', 'image/jpeg'],
  ] as const) {
    const { text } = await find(path, propfind('<D:prop><D:getcontenttype/></D:prop>'))
    expect(text).toContain(`<getcontenttype>${type}</getcontenttype>`)
    expect((await served.ask(`/d/${ID}/main/${path}`)).headers['content-type']).toBe(type)
  }
})
