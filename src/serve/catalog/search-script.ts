/**
 * Runs in the browser behind MiniSearch. What strangers wrote is only ever put into texts; an
 * address is one of ours. `OPTIONS` and `DATA_FILE` are filled in.
 */
export const SEARCH_SCRIPT = `;(() => {
  const at = (id) => document.getElementById(id)
  const [form, input, found, results] = ['search', 'q', 'found', 'results'].map(at)
  const others = [...document.querySelectorAll('main > ul:not(#results), main > nav')]
  let index
  let isAsked = false
  const item = ({ title, href, about }) => {
    const [li, h2, p] = ['li', 'h2', 'p'].map((name) => document.createElement(name))
    const name = href === undefined ? h2 : h2.appendChild(document.createElement('a'))
    if (href !== undefined) name.setAttribute('href', href)
    name.textContent = title
    p.textContent = about
    li.append(h2, p)
    return li
  }
  const show = () => {
    const words = input.value.trim()
    if (words !== '' && !isAsked) {
      isAsked = true
      const script = document.createElement('script')
      script.src = 'DATA_FILE'
      document.head.append(script)
    }
    const isSearch = words !== '' && index !== undefined
    const hits = isSearch ? index.search(words) : []
    for (const other of others) other.hidden = isSearch
    results.hidden = !isSearch
    found.hidden = !isSearch
    found.textContent = hits.length === 1 ? '1 dataset found' : hits.length + ' datasets found'
    results.replaceChildren(...hits.map(item))
  }
  globalThis.riastoreFound = (data) => {
    index = MiniSearch.loadJS(data, OPTIONS)
    show()
  }
  form.addEventListener('submit', (event) => event.preventDefault())
  input.addEventListener('input', show)
  form.hidden = false
  show()
})()
`
