import { parser } from 'sax'

/** What the XML of an error says (Amazon S3 API Reference, REST error responses). */
export interface ErrorWords {
  readonly code: string | undefined
  readonly region: string | undefined
  readonly message: string | undefined
}

/**
 * Reads the body of an error. What is no such XML says nothing: a web page, a proxy's own words, no
 * body at all.
 */
export function readErrorAnswer(body: Uint8Array): ErrorWords {
  const texts = new Map<string, string>()
  const open: string[] = []
  let isBroken = false
  const xml = parser(true)
  xml.onerror = () => {
    isBroken = true
    xml.resume()
  }
  xml.onopentag = ({ name }) => open.push(name)
  xml.onclosetag = () => open.pop()
  xml.ontext = xml.oncdata = (text) => {
    // Below the root, or in an Error there: both are seen.
    const isWord = open.length === 2 || (open.length === 3 && open[1] === 'Error')
    const name = open.at(-1)
    if (isWord && name !== undefined) texts.set(name, (texts.get(name) ?? '') + text)
  }
  xml.write(Buffer.from(body.buffer, body.byteOffset, body.length).toString()).close()
  const said = (name: string) => (isBroken ? undefined : texts.get(name)?.trim())
  return { code: said('Code'), region: said('Region'), message: said('Message') }
}
