import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'
import { faults, percentage, REPORT, readReport, type Score, writeReport } from './report.ts'
import { ROOMS, sourcesOf, testsOf, unitTestOf } from './rooms.ts'

/**
 * npm run test:mutation -- [--changed] [--report] [--minutes N] [room or source file ...]
 * Puts one wrong piece of code at a time into the sources and runs the tests of their room on it. Without names: all rooms.
 * --changed: only sources that differ, or whose unit tests do, from the commit that last touched the report.
 * --report: writes the scores into the report. --minutes: begins no further file after that time.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    changed: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '600' },
  },
})

const named = positionals.flatMap((name) => (name in ROOMS ? sourcesOf(name) : [name]))
const all = Object.keys(ROOMS).flatMap(sourcesOf)
const sources = values.changed ? changedSources() : named.length > 0 ? named : all
// files that share their tests are run together: a start takes three seconds; with a time limit each has its turn
const groups = values.changed
  ? sources.map((source) => [source])
  : Object.values(Object.groupBy(sources, path.dirname))

const end = performance.now() + Number(values.minutes) * 60_000
const scores = new Map<string, Score>()
for (const group of groups) {
  if (performance.now() > end)
    console.log(`not reached within ${values.minutes} minutes: ${group?.join(' ')}`)
  else for (const [file, score] of await mutate(group ?? [])) scores.set(file, score)
}
for (const [file, score] of scores)
  console.log(`${percentage(score).toFixed(1).padStart(6)} %  ${score.noticed} of ${score.all}  ${file}`)
if (values.report) writeReport(new Map([...readReport(), ...scores]), new Date().toISOString().slice(0, 10))
const low = faults(scores)
for (const fault of low) console.log(`too low: ${fault}`)
console.log(`${scores.size - low.length} passed, ${low.length} failed`)
process.exitCode = low.length === 0 ? 0 : 1

function changedSources(): string[] {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim()
  const base = git('log', '-1', '--format=%H', '--', REPORT)
  const changed = new Set(git('diff', '--name-only', base).split('\n'))
  return all.filter((source) => changed.has(source) || changed.has(unitTestOf(source)))
}

async function mutate(files: readonly string[]): Promise<Map<string, Score>> {
  const missing = files.filter((file) => !existsSync(file))
  if (missing.length > 0) throw new Error(`neither a room nor a source file: ${missing.join(' ')}`)
  const results = await new Stryker({
    testRunner: 'tap-in-process',
    plugins: ['./test/mutation/runner.ts'],
    testFiles: testsOf(files),
    mutate: [...files],
    coverageAnalysis: 'perTest',
    tsconfigFile: 'none.json', // Stryker would rewrite ours, with a parser that TypeScript 7 no longer has
    concurrency: Number(process.env.PORTCULLIS_MUTATION_JOBS ?? 2),
    timeoutMS: 4000,
    reporters: [],
    ignorePatterns: ['/docs/*.png', '/dist', '/build'],
    tempDirName: '.stryker-tmp',
    allowEmpty: true,
  }).runMutationTest()
  const counts = new Map(files.map((file) => [file, { noticed: 0, all: 0 }]))
  for (const { fileName, location, replacement, status, statusReason } of results) {
    const file = path.relative(process.cwd(), fileName)
    const count = counts.get(file)
    if (count === undefined || status === 'Ignored' || status === 'CompileError') continue
    count.all += 1
    if (status === 'Killed' || status === 'Timeout') count.noticed += 1
    else {
      const line = readFileSync(file, 'utf8').split('\n')[location.start.line - 1]?.trim()
      const change = `${line}\n  -> ${replacement?.replaceAll(/\s+/g, ' ')} ${statusReason ?? ''}`
      console.log(`${status} ${file}:${location.start.line}:${location.start.column}\n  ${change}`)
    }
  }
  return counts
}
