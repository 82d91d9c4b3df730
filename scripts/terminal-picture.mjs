// Draws the pictures of docs/ that show a terminal, and the one that `riastore stat --plot` draws:
// what a terminal of 100 columns shows of the commands below, which are run for it. Needs root, for
// a /srv of its own, and DataLad.
// Run: node scripts/terminal-picture.mjs [FILE.svg…]
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildIfStale, project } from './build.mjs'
import { run } from './package/run.mjs'

const COLUMNS = 100

/** A dataset in a store, with what is in it by the words given. */
const DATASET = `
git config --global user.name Somebody
git config --global user.email somebody@example.org
make() { # NAME TITLE SUBJECTS
    datalad create -c text2git "made-$1"
    cd "made-$1"
    printf '# %s\\n' "$2" >README.md
    echo 'id,age' >participants.csv
    for each in $(seq -w 1 "$3"); do
        mkdir "sub-$each"
        head -c 2000000 /dev/urandom >"sub-$each/bold.nii.gz"
    done
    datalad save -m 'Add subjects'
    riastore create-sibling -s store --new-store-ok --alias "$1" ria+file:///srv/store
    datalad push --to store
    cd ..
    rm -f "$HOME/.gitconfig.lock"
}
`

/** Each picture: what was done before, and what one sees, as it is typed. */
const PICTURES = {
  'terminal.svg': {
    title: 'A terminal: a dataset is cloned from a store, its content is got, and the store is examined',
    before: `${DATASET}\nmake mydata 'Add two subjects' 2\n`,
    commands: [
      "datalad clone 'ria+file:///srv/store#~mydata' mydata",
      'cd mydata && datalad get .',
      'riastore doctor ria+file:///srv/store',
    ],
  },
  'year-ls.svg': {
    title: 'A terminal: the datasets of a store, and the files of one of them',
    before: `${DATASET}
make faces 'Faces and houses, 7T' 3
make sleep 'Sleep after learning' 2
make atlas 'Atlas of the thalamus' 1
`,
    commands: ['riastore ls /srv/store', "riastore ls -r /srv/store '~faces'"],
  },
  'year-check.svg': {
    title: 'A terminal: a store is checked, and a damaged key is found',
    before: `${DATASET}
make faces 'Faces and houses, 7T' 3
key=$(ls -d /srv/store/???/*/annex/objects/*/*/*/MD5E-s2000000--* | head -n 1)
chmod u+w "$key"
printf x | dd of="$key" bs=1 seek=1000 conv=notrunc
chmod a-w "$key"
`,
    commands: ['riastore check /srv/store', 'riastore check --data /srv/store'],
  },
  // A year of a large store, in thirteen counts: each month the files grow, which are empty but for
  // their lengths, and the history is told that all before it was 30 days earlier.
  'year-growth.svg': {
    before: `
mkdir /srv/store
echo 1 >/srv/store/ria-layout-version
mkdir /srv/store/alias
month=0
while [ "$month" -le 12 ]; do
    n=0
    for each in 'faces 40 30 0' 'sleep 120 6 0' 'atlas 60 0 0' 'twins 0 45 5' 'reading 0 20 8' 'motor 25 4 0' \
            'infants 15 9 3' 'pilot 12 0 0' 'phantoms 4 1 0' 'teaching 6 1 0'; do
        set -- $each
        n=$((n + 1))
        dataset=/srv/store/00$((n % 10))/00000-1111-2222-3333-$(printf %012d "$n")
        [ "$month" -ge "$4" ] || continue
        key=$dataset/annex/objects/aa/bb/MD5E-s1--$1/MD5E-s1--$1
        mkdir -p "$(dirname "$key")"
        echo 2 >"$dataset/ria-layout-version"
        ln -sfn "../\${dataset#/srv/store/}" "/srv/store/alias/$1"
        truncate -s $(($2 + $3 * (month - $4)))G "$key"
    done
    [ ! -e history ] || node -e "
const { readFileSync, writeFileSync } = require('node:fs')
const earlier = (line) => ({ ...line, time: new Date(Date.parse(line.time) - 30 * 86400000).toISOString() })
const lines = readFileSync('history', 'utf8').split('\\n').filter(Boolean)
writeFileSync('history', lines.map((line) => JSON.stringify(earlier(JSON.parse(line)))).join('\\n') + '\\n')"
    riastore stat --refresh --history history --plot picture.svg /srv/store
    month=$((month + 1))
done
`,
    draws: 'srv/me/picture.svg',
  },
}

/**
 * Runs the commands in a pseudo-terminal, and returns what they wrote to it; or the picture that
 * they drew.
 */
async function record({ before, commands = [], draws = 'typescript' }) {
  await buildIfStale()
  const work = await mkdtemp(join(tmpdir(), 'riastore-picture-'))
  try {
    const shown = commands.map((command) => `printf '\\033[1m$ %s\\033[m\\n' ${quoted(command)}\n${command}\necho\n`)
    await writeFile(join(work, 'before.sh'), `set -eu\n${before}`)
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
    return await readFile(join(work, draws), 'utf8')
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
      if (column === COLUMNS) {
        row += 1
        column = 0
        lines[row] ??= []
      }
      const here = lines[row]
      while (here.length < column) here.push([' ', ''])
      here[column++] = [all, style]
    }
  }
  return lines
}

const COLOURS = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#76e3ea' }
const [CHARACTER, LINE, MARGIN] = [8.4, 19, 16]

function draw(lines, title) {
  const [width, height] = [COLUMNS * CHARACTER + 2 * MARGIN, lines.length * LINE + 2 * MARGIN]
  const rows = lines.map((line, i) => {
    const spans = runsOf(line).map(([text, style]) => `<tspan${attributes(style)}>${escaped(text)}</tspan>`)
    return `<text x="${MARGIN}" y="${MARGIN + 15 + i * LINE}" xml:space="preserve">${spans.join('')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${title}</title>
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

const wanted = process.argv.slice(2)
for (const [file, picture] of Object.entries(PICTURES)) {
  if (wanted.length > 0 && !wanted.includes(file)) continue
  const recorded = (await record(picture)).replace(/^Script started.*\n|\n*Script done.*\n?$/g, '')
  const lines = screenOf(recorded)
  while (lines.at(-1)?.length === 0) lines.pop()
  await writeFile(join(project, 'docs', file), picture.draws ? recorded : draw(lines, picture.title))
}
