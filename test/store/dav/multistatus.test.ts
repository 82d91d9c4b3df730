import { expect, test } from 'vitest'
import { Multistatus } from '../../../src/store/dav/multistatus.ts'

function parse(text: string, chunkLength = text.length) {
  const multistatus = new Multistatus()
  const found = []
  for (let i = 0; i < text.length; i += chunkLength) found.push(...multistatus.write(text.slice(i, i + chunkLength)))
  multistatus.close()
  return found
}

const FILE = `<?xml version="1.0"?>
<x:multistatus xmlns:x="DAV:" xmlns:o="http://owncloud.org/ns">
  <x:response><x:href>/a%20b/file&amp;</x:href>
    <x:propstat><x:prop><x:resourcetype/><x:getcontentlength>12</x:getcontentlength><x:getetag>"e"</x:getetag>
      <o:getcontentlength>99</o:getcontentlength></x:prop><x:status>HTTP/1.1 200 OK</x:status></x:propstat>
    <x:propstat><x:prop><x:quota-available-bytes>7</x:quota-available-bytes></x:prop>
      <x:status>HTTP/1.1 404 Not Found</x:status></x:propstat>
  </x:response>
  <x:response><x:href>/a%20b/</x:href>
    <x:propstat><x:prop><x:resourcetype><x:collection/></x:resourcetype></x:prop><x:status>HTTP/1.1 200 OK</x:status></x:propstat>
  </x:response>
</x:multistatus>`

test.each([1, 7, 10_000])('a multistatus that comes in parts of %i letters tells of what is there', (length) => {
  const [file, directory, ...others] = parse(FILE, length)
  expect(file).toMatchObject({
    href: '/a%20b/file&',
    contentLength: '12',
    etag: '"e"',
    isCollection: false,
    status: 200,
  })
  expect(file?.availableBytes).toBeUndefined() // it was told as not found
  expect(directory).toMatchObject({ href: '/a%20b/', isCollection: true, contentLength: undefined })
  expect(others).toEqual([])
})

test.each([
  ['a page', '<!DOCTYPE html><html><body>Hello</body></html>'],
  ['other XML', '<error xmlns="DAV:"/>'],
  ['a multistatus of another name space', '<multistatus><response><href>/a</href></response></multistatus>'],
  ['one that does not end', FILE.slice(0, -20)],
  ['nothing', ''],
  [
    'entities of its own',
    '<!DOCTYPE a [<!ENTITY b "c">]><multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>',
  ],
  ['a response without a name', '<multistatus xmlns="DAV:"><response/></multistatus>'],
  ['elements without end', `<multistatus xmlns="DAV:">${'<a>'.repeat(100)}`],
  [
    'a text without end',
    `<multistatus xmlns="DAV:"><response><href>${'a'.repeat(200_000)}</href></response></multistatus>`,
  ],
])('%s is no multistatus', (_name, text) => {
  expect(() => parse(text)).toThrow()
})
