// A vitest reporter. The very last line of a run is `N passed, N failed`, alone on its line. In CI
// (CI=true) a test that was skipped counts as failed: nothing may be left out there because
// something is missing. Before that it prints where the time went: the slowest files, and how much
// of it their hooks took. The environment may name a file (RIASTORE_FAILED_FILES) for the names of
// the files whose tests failed, as JSON: none where something else went wrong too.
import { writeFileSync, writeSync } from 'node:fs'

/** So many files are named. */
const SLOWEST = 10

export default class Summary {
  #exitHandler = undefined

  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state) => tests.filter((test) => test.result().state === state)
    const skipped = process.env.CI === 'true' ? inState('skipped') : []
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
    const failed =
      inState('failed').length +
      skipped.length +
      suites.filter((suite) => suite.errors().length > 0).length +
      unhandledErrors.length
    const passed = inState('passed').length
    const list = process.env.RIASTORE_FAILED_FILES
    if (list) {
      const names = modules.filter((module) => !module.ok()).map((module) => module.relativeModuleId)
      writeFileSync(list, JSON.stringify(skipped.length + unhandledErrors.length > 0 ? [] : names))
    }
    printSlowest(modules)
    for (const test of skipped) process.stdout.write(`not run, which is a failure in CI: ${test.fullName}\n`)

    // At exit, so that nothing else is printed after it.
    if (this.#exitHandler) process.off('exit', this.#exitHandler)
    this.#exitHandler = () => {
      if (failed > 0 || passed === 0) process.exitCode = 1
      else if (process.exitCode) return writeLine(`${passed} passed, 1 failed`)
      writeLine(`${passed} passed, ${failed} failed`)
    }
    process.on('exit', this.#exitHandler)
  }
}

function printSlowest(modules) {
  const files = modules.map((module) => {
    const { duration, setupDuration, collectDuration } = module.diagnostic()
    const inTests = [...module.children.allTests()].reduce((sum, test) => sum + (test.diagnostic()?.duration ?? 0), 0)
    // What a file does while it is loaded (servers at its top level) counts as a hook.
    const hooks = Math.max(0, duration - inTests) + setupDuration + collectDuration
    return { name: module.relativeModuleId, hooks, all: duration + setupDuration + collectDuration }
  })
  const seconds = (ms) => (ms / 1000).toFixed(1)
  const total = (key) => seconds(files.reduce((sum, file) => sum + file[key], 0))
  const slowest = files.toSorted((a, b) => b.all - a.all).slice(0, SLOWEST)
  const lines = slowest.map(
    ({ name, all, hooks }) => `${seconds(all).padStart(8)} ${seconds(hooks).padStart(8)}  ${name}`,
  )
  const head = `${'seconds'.padStart(8)} ${'in hooks'.padStart(8)}  slowest of ${files.length} files`
  const sum = `${total('all').padStart(8)} ${total('hooks').padStart(8)}  all files together`
  process.stdout.write(`\n${[head, ...lines, sum].join('\n')}\n\n`)
}

/** Writes at once, also into a pipe that is full for a moment. */
function writeLine(text) {
  for (let rest = Buffer.from(`${text}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') return
    }
  }
}
