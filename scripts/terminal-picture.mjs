// Draws docs/terminal.svg: what a terminal of 100 columns shows of the commands below, which are
// run for it. Needs root, for a /srv of its own, and DataLad.
// Run: node scripts/terminal-picture.mjs
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildIfStale, project } from './build.mjs'
import { run } from './package/run.mjs'

const COLUMNS = 100
/** What one sees, as it is typed. */
const COMMANDS = [
  "datalad clone 'ria+file:///srv/store#~mydata' mydata",
  'cd mydata && datalad get .',
  'riastore doctor ria+file:///srv/store',
]

/** What was done before: a store, and in it a dataset. */
const BEFORE = `
git config --global user.name Somebody
git config --global user.email somebody@example.org
datalad create -f made
cd made
mkdir sub-01 sub-02
echo 'id,age' >participants.csv
for each in sub-01 sub-02; do head -c 2000000 /dev/urandom >$each/bold.nii.gz; done
datalad save -m 'Add two subjects'
riastore create-sibling -s store --new-store-ok --alias mydata ria+file:///srv/store
datalad push --to store
cd ..
rm -f "$HOME/.gitconfig.lock"
`

/** Runs the commands in a pseudo-terminal, and returns what they wrote to it. */
async function record() {
  await buildIfStale()
  const work = await mkdtemp(join(tmpdir(), 'riastore-picture-'))
  try {
    const shown = COMMANDS.map((command) => `printf '\\033[1m$ %s\\033[m\\n' ${quoted(command)}\n${command}\necho\n`)
    await writeFile(join(work, 'before.sh'), `set -eu\n${BEFORE}`)
    await writeFile(join(work, 'shown.sh'), `stty cols ${COLUMNS}\n${shown.join('')}`)
    await writeFile(
      join(work, 'all.sh'),
      `set -eu
mkdir ${work}/srv
cp -r ${project}/dist ${project}/package.json ${work}/srv/
mkdir -p ${work}/srv/bin ${work}/srv/me
ln -s ${process.execPath} ${work}/srv/bin/node
for each in git-annex-remote-ora riastore; do ln -s ../dist/$each.js ${work}/srv/bin/$each; done
mount --bind ${work}/srv /srv
export HOME=/srv/me PATH=/srv/bin:/usr/bin:/bin TERM=xterm LC_ALL=C.UTF-8
cd /srv/me
sh ${work}/before.sh >/dev/null 2>&1
script --quiet --return --command 'sh ${work}/shown.sh' ${work}/typescript </dev/null >/dev/null`,
    )
    run('unshare', ['--mount', 'sh', join(work, 'all.sh')], { env: { PATH: process.env.PATH } })
    return await readFile(join(work, 'typescript'), 'utf8')
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

const ESCAPE = String.fromCharCode(27)

/**
 * What stands in the lines in the end: each a list of characters with their colours. Knows line
 * ends, returns, the way up, erasing and colours; other sequences change nothing.
 */
function screenOf(text) {
  const lines = [[]]
  let [row, column, style] = [0, 0, '']
  const sequence = new RegExp(`${ESCAPE}\\[([0-9;?]*)([A-Za-z])|${ESCAPE}[()][A-Z0-9]|[\\s\\S]`, 'gu')
  for (const [all, numbers = '', letter] of text.matchAll(sequence)) {
    const line = lines[row]
    if (all === '\n') {
      row += 1
      lines[row] ??= []
    } else if (all === '\r') column = 0
    else if (letter === 'm') style = numbers
    else if (letter === 'K') line.length = Math.min(line.length, numbers === '2' ? 0 : column)
    else if (letter === 'A') row = Math.max(0, row - Number(numbers || 1))
    else if (!all.startsWith(ESCAPE) && all >= ' ') {
      while (line.length < column) line.push([' ', ''])
      line[column++] = [all, style]
    }
  }
  return lines
}

const COLOURS = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#76e3ea' }
const [CHARACTER, LINE, MARGIN] = [8.4, 19, 16]

function draw(lines) {
  const [width, height] = [COLUMNS * CHARACTER + 2 * MARGIN, lines.length * LINE + 2 * MARGIN]
  const rows = lines.map((line, i) => {
    const spans = runsOf(line).map(([text, style]) => `<tspan${attributes(style)}>${escaped(text)}</tspan>`)
    return `<text x="${MARGIN}" y="${MARGIN + 15 + i * LINE}" xml:space="preserve">${spans.join('')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>A terminal: a dataset is cloned from a store, its content is got, and the store is examined</title>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">
${rows.join('\n')}
</g>
</svg>
`
}

/** Puts neighbours of one style together. */
function runsOf(line) {
  const runs = []
  for (const [character, style] of line) {
    if (runs.at(-1)?.[1] === style) runs.at(-1)[0] += character
    else runs.push([character, style])
  }
  return runs
}

function attributes(style) {
  const codes = style.split(';').map(Number)
  const colour = codes.map((code) => COLOURS[code]).find((each) => each !== undefined)
  return `${codes.includes(1) ? ' font-weight="bold"' : ''}${colour === undefined ? '' : ` fill="${colour}"`}`
}

function escaped(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.codePointAt(0)};`)
}

const recorded = (await record()).replace(/^Script started.*\n|\n*Script done.*\n?$/g, '')
const lines = screenOf(recorded)
while (lines.at(-1)?.length === 0) lines.pop()
await writeFile(join(project, 'docs/terminal.svg'), draw(lines))
