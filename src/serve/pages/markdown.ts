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

/** HTML of a text in Markdown that strangers wrote. */
export function markdownToHtml(text: string): string {
  return MARKDOWN.render(text.slice(0, MAX_CHARACTERS))
}
