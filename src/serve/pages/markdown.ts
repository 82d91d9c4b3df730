import MarkdownIt from 'markdown-it'

/** A longer text is shown up to here. Characters. */
const MAX_CHARACTERS = 200_000

/** Headings of a text stand below those of the page that it is in. */
const HEADING_BELOW = 1

/**
 * No HTML of the author's is taken over, and no link leads anywhere but to the web, to mail, or to
 * what is beside: markdown-it escapes the one, and refuses the other.
 */
const MARKDOWN = new MarkdownIt({ html: false, linkify: false })
MARKDOWN.validateLink = (url) => /^(?:https?:|mailto:|[^:]*$|[^:]*[/?#])/i.test(url.trim()) && !/^\s*\/\//.test(url)
MARKDOWN.core.ruler.push('below', ({ tokens }) => {
  for (const token of tokens) {
    const [, level] = /^h([1-6])$/.exec(token.tag) ?? []
    if (level !== undefined) token.tag = `h${Math.min(6, Number(level) + HEADING_BELOW)}`
    for (const child of token.children ?? []) {
      if (child.type === 'link_open') child.attrSet('rel', 'nofollow noreferrer ugc')
      if (child.type === 'image') child.attrSet('loading', 'lazy')
    }
  }
})

/** Where what a text links to is; undefined: nowhere that its readers can get it. */
export type ResolveLink = (href: string) => string | undefined

/**
 * HTML of a text in Markdown that strangers wrote. `resolve`: where the links and pictures lead
 * that say where something is beside the text; default: there.
 */
export function markdownToHtml(text: string, resolve: ResolveLink = (href) => href): string {
  const tokens = MARKDOWN.parse(text.slice(0, MAX_CHARACTERS), {})
  for (const { token, attribute, href } of besideLinks(tokens)) {
    const found = resolve(href)
    if (found !== undefined) token.attrSet(attribute, found)
    else token.attrs = (token.attrs ?? []).filter(([name]) => name !== attribute)
  }
  return MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
}

/** The links and pictures of a text that say where something is beside it. */
export function linksBeside(text: string): readonly string[] {
  const tokens = MARKDOWN.parse(text.slice(0, MAX_CHARACTERS), {})
  return [...new Set(besideLinks(tokens).map(({ href }) => href))]
}

type Token = ReturnType<typeof MARKDOWN.parse>[number]

function besideLinks(tokens: readonly Token[]) {
  return tokens.flatMap(({ children }) =>
    (children ?? []).flatMap((token) => {
      const attribute = token.type === 'link_open' ? 'href' : token.type === 'image' ? 'src' : undefined
      const href = attribute && token.attrGet(attribute)
      const isBeside = typeof href === 'string' && !/^(?:[a-z][a-z0-9+.-]*:|#|\/\/)/i.test(href)
      return isBeside && attribute !== undefined ? [{ token, attribute, href }] : []
    }),
  )
}
