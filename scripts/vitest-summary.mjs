// A vitest reporter. The very last line of a run is `N passed, N failed`, alone on its line. In CI (CI=true) a test that
// was skipped counts as failed: nothing may be left out there because something is missing.
import { writeSync } from 'node:fs'

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
