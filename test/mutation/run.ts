import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Stryker } from '@stryker-mutator/core'

/**
 * npm run test:mutation [room or source file ...]
 * Puts one wrong piece of code at a time into the sources of each room and runs the tests of the room on it.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  authn: ['src/authn/*.ts'],
  keystone: ['src/keystone/*.ts', 'src/http/client.ts', 'src/http/plain-client.ts'],
  gate: ['src/http/gate.ts'],
  cache: ['src/cache/ttl-cache.ts', 'src/http/deadline.ts'],
  server: ['src/server/*.ts'],
  authz: ['src/authz/*.ts'],
  kms: ['src/kms/*.ts'],
  sync: ['src/sync/*.ts'],
  login: ['src/exec/*.ts'],
  config: ['src/config/*.ts'],
  log: ['src/log.ts', 'src/files/bounded-log.ts'],
}

/** The unit test of src/a/b.ts is test/a/b.test.ts; Stryker finds out which mutants each test file reaches. */
const testOf = (source: string) => source.replace(/^src\//, 'test/').replace(/\.ts$/, '.test.ts')

const asked = process.argv.slice(2)
const sources = asked.length === 0 ? Object.keys(ROOMS) : asked
const mutate = sources.flatMap((name) => ROOMS[name] ?? [name]).flatMap((glob) => globSync(glob))
const rooms = new Set(mutate.map((file) => path.dirname(file)))
const testFiles = [...rooms]
  .flatMap((room) => globSync(`${room}/*.ts`).map(testOf))
  .flatMap((file) => globSync(file))

const results = await new Stryker({
  testRunner: 'tap-in-process',
  plugins: ['./test/mutation/runner.ts'],
  testFiles: asked.every((name) => name.endsWith('.ts'))
    ? mutate.map(testOf).flatMap((file) => globSync(file))
    : testFiles,
  mutate,
  coverageAnalysis: 'perTest',
  tsconfigFile: 'none.json',
  concurrency: Number(process.env.PORTCULLIS_MUTATION_JOBS ?? 2),
  timeoutMS: 4000,
  reporters: [],
  ignorePatterns: ['/docs', '/dist', '/build'],
  tempDirName: '.stryker-tmp',
  allowEmpty: true,
}).runMutationTest()

const files = new Map<string, { noticed: number; all: number }>()
for (const { fileName, location, replacement, status, statusReason } of results) {
  const file = path.relative(process.cwd(), fileName)
  if (status === 'Ignored' || status === 'CompileError') continue
  const counts = files.get(file) ?? { noticed: 0, all: 0 }
  files.set(file, counts)
  counts.all += 1
  if (status === 'Killed' || status === 'Timeout') counts.noticed += 1
  else {
    const line = readFileSync(file, 'utf8').split('\n')[location.start.line - 1]?.trim()
    const place = `${file}:${location.start.line}:${location.start.column}`
    console.log(
      `${status} ${place}\n  ${line}\n  -> ${replacement?.replaceAll(/\s+/g, ' ')} ${statusReason ?? ''}`,
    )
  }
}
for (const [file, { noticed, all }] of [...files].sort())
  console.log(`${((100 * noticed) / all).toFixed(1).padStart(6)} %  ${noticed} of ${all}  ${file}`)
