import { join } from 'node:path'
import { expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { readSources } from './architecture.ts'
import { drawRooms } from './rooms.ts'

// After a change of the rooms: npx vitest run --project unit test/core/rooms.test.ts -u
test('docs/rooms.md shows the rooms and arrows that the imports make', async () => {
  const picture = drawRooms(await readSources(join(projectDirectory, 'src')))
  const page = `# The rooms of src/

Made from the imports by test/core/rooms.test.ts, which fails when this page is out of date.
[The architecture](architecture.md) tells what is in each room. Arrows point to what is imported;
one that follows from others is not drawn, and every room may import \`core\`.

\`\`\`mermaid
${picture}
\`\`\`
`
  await expect(page).toMatchFileSnapshot(join(projectDirectory, 'docs/rooms.md'))
})
