import { readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { INSTRUMENTER_CONSTANTS, type MutantCoverage, type StrykerOptions } from '@stryker-mutator/api/core'
import {
  commonTokens,
  declareFactoryPlugin,
  type Injector,
  PluginKind,
  tokens,
} from '@stryker-mutator/api/plugin'
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import type { Test } from 'tap'

/** What Stryker's instrumented code reads and writes. */
interface Instrumented {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  mutantCoverage?: MutantCoverage | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
}

/** Mutants of statements that run when a module is loaded; the first runner finds them, all of them read them. */
const LOADED_FILE = 'mutants-at-load.json'

/**
 * Runs tap's test files inside Stryker's own worker: a mutant costs some 10 ms where a process for each test file
 * takes 300 ms. Test files (and all below test/) are loaded afresh for each run, sources only for mutants of
 * statements that run at load.
 */
class TapInProcess implements TestRunner {
  static inject = tokens(commonTokens.options)
  readonly #options: StrykerOptions
  readonly #instrumented: Instrumented
  #atLoad: Set<string> | undefined
  #run = 0
  #world: Test | undefined

  constructor(options: StrykerOptions) {
    this.#options = options
    const globals = globalThis as unknown as Record<string, Instrumented>
    globals[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {}
    this.#instrumented = globals[INSTRUMENTER_CONSTANTS.NAMESPACE] as Instrumented
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init() {
    hookImports()
    this.#world = await openTap()
  }

  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = []
    const coverage: MutantCoverage = { static: {}, perTest: {} }
    const atLoad = new Set<string>()
    for (const file of this.#options.testFiles as string[]) {
      const counts: MutantCoverage = { static: {}, perTest: {} }
      this.#instrumented.mutantCoverage = counts
      tests.push(await this.#runFile(file, true))
      for (const id of Object.keys(counts.static)) atLoad.add(id)
      const own: Record<string, number> = { ...counts.static }
      for (const [id, count] of Object.entries(counts.perTest[file] ?? {})) own[id] = (own[id] ?? 0) + count
      coverage.perTest[file] = own
    }
    this.#instrumented.mutantCoverage = undefined
    writeFileSync(LOADED_FILE, JSON.stringify([...atLoad]))
    return { status: DryRunStatus.Complete, tests, mutantCoverage: coverage }
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRunOptions): Promise<MutantRunResult> {
    const name = path.basename(activeMutant.fileName, '.ts')
    const files = [...(testFilter ?? (this.#options.testFiles as string[]))]
    files.sort((a, b) => Number(isTestOf(b, name)) - Number(isTestOf(a, name)))
    // read here: every runner is made before the first of them finds these
    this.#atLoad ??= new Set(JSON.parse(readFileSync(LOADED_FILE, 'utf8')))
    const atLoad = this.#atLoad.has(activeMutant.id)
    this.#instrumented.hitCount = hitLimit === undefined ? undefined : 0
    this.#instrumented.hitLimit = hitLimit
    this.#instrumented.activeMutant = activeMutant.id
    const tests: TestResult[] = []
    for (const file of files) {
      const result = await this.#runFile(file, atLoad)
      tests.push(result)
      if (result.status !== TestStatus.Success) break
    }
    this.#instrumented.activeMutant = undefined
    const reached = determineHitLimitReached(this.#instrumented.hitCount, hitLimit)
    return toMutantRunResult(reached ?? { status: DryRunStatus.Complete, tests })
  }

  async #runFile(file: string, reloadSources: boolean): Promise<TestResult> {
    this.#run += 1
    const start = performance.now()
    const { failure, root } = await this.#runTests(file, reloadSources)
    const common = { id: file, name: file, fileName: file, timeSpentMs: performance.now() - start }
    if (failure === undefined && root.ok) return { ...common, status: TestStatus.Success }
    return { ...common, status: TestStatus.Failed, failureMessage: failure ?? 'a test failed' }
  }

  async #runTests(file: string, reloadSources: boolean) {
    const url = `${pathToFileURL(file).href}?run=${this.#run}${reloadSources ? '&sources' : ''}`
    let failure: string | undefined
    const fail = (error: unknown) => {
      failure ??= String(error)
    }
    process.on('uncaughtException', fail)
    const root = await this.#world?.test(`${file} ${this.#run}`, { timeout: 0 }, async (t) => {
      testRoots.set(String(this.#run), t)
      this.#instrumented.currentTestId = undefined
      let loaded = () => {}
      const loading = new Promise<void>((resolve) => {
        loaded = resolve
      })
      // tests of the file start when it is loaded whole
      void t.test('loading', () => loading)
      await import(url).catch(fail)
      loaded()
      this.#instrumented.currentTestId = file
    })
    process.off('uncaughtException', fail)
    testRoots.delete(String(this.#run))
    return { failure, root: root as { ok: boolean } }
  }
}

/** A test of tap's that has no end: tap ends when its last test does, and the next mutant comes later. */
async function openTap(): Promise<Test> {
  // tap tells the process that started it how long it may take; here that is Stryker, which takes only its own messages
  const { send } = process
  delete process.send
  const { default: tap } = await import('tap')
  tap.setTimeout(0)
  if (send !== undefined) process.send = send
  return new Promise((resolve) => {
    void tap.test('mutants', { timeout: 0 }, (t) => {
      resolve(t)
      return new Promise(() => {})
    })
  })
}

const testRoots = new Map<string, Test>()
;(globalThis as unknown as { tapRoots: typeof testRoots }).tapRoots = testRoots

const isTestOf = (testFile: string, name: string) => path.basename(testFile) === `${name}.test.ts`

/** What is imported by a file of a run belongs to that run: tap is its own root, and modules are loaded afresh. */
function hookImports() {
  const root = `${pathToFileURL(process.cwd()).href}/`
  registerHooks({
    resolve(specifier, context, next) {
      const query = /\?run=(\d+)(&sources)?$/.exec(context.parentURL ?? '')
      if (query === null) return next(specifier, context)
      if (specifier === 'tap') return { url: `tap-root:${query[1]}`, format: 'module', shortCircuit: true }
      const resolved = next(specifier, context)
      const inside =
        resolved.url.startsWith(`${root}test/`) || (query[2] && resolved.url.startsWith(`${root}src/`))
      return inside ? { ...resolved, url: `${resolved.url}${query[0]}` } : resolved
    },
    load(url, context, next) {
      if (!url.startsWith('tap-root:')) return next(url, context)
      const id = JSON.stringify(url.slice('tap-root:'.length))
      const source = `const t = globalThis.tapRoots.get(${id}); export default t; export const test = t.test.bind(t)`
      return { format: 'module', source, shortCircuit: true }
    },
  })
}

create.inject = tokens(commonTokens.injector)
function create(injector: Injector<{ options: StrykerOptions }>): TapInProcess {
  return injector.injectClass(TapInProcess as never)
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'tap-in-process', create as never)]
