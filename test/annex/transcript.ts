import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unframe } from '../../src/annex/framing.ts'
import { projectDirectory } from '../support/programs/programs.ts'

/** One line of a conversation, without the number of its job. */
export interface Event {
  readonly from: 'git-annex' | 'us'
  /** 0: said to nobody in particular. */
  readonly job: number
  readonly message: string
}

export interface Transcript {
  readonly name: string
  readonly processes: readonly (readonly Event[])[]
}

/** Reads what fixtures/transcripts/record.mjs recorded. */
export async function readTranscripts(): Promise<Transcript[]> {
  const directory = join(projectDirectory, 'fixtures/transcripts')
  const names = (await readdir(directory)).filter((name) => name.endsWith('.txt'))
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8')
      const processes = text.split('= a process\n').slice(1)
      return {
        name: name.slice(0, -4),
        processes: processes.map((lines) => lines.split('\n').slice(0, -1).map(toEvent)),
      }
    }),
  )
}

function toEvent(line: string): Event {
  const [, mark, text] = /^([<>]) (.*)$/s.exec(line) ?? []
  if (mark === undefined || text === undefined) throw new Error(`not a line of a transcript: ${line}`)
  const { job, message } = unframe(text) ?? { job: 0, message: text }
  return { from: mark === '<' ? 'us' : 'git-annex', job, message }
}
