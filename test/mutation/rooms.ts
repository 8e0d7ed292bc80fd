import { existsSync, globSync } from 'node:fs'
import { sourceFiles } from '../support/source-files.ts'

const STARTERS = ['test/support/program.ts', 'test/support/script.ts']

/** What decides, by room. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
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

export const sourcesOf = (room: string): string[] =>
  (ROOMS[room] ?? []).flatMap((glob) => globSync(glob)).sort()

/** The unit test of src/a/b.ts is test/a/b.test.ts. */
export const unitTestOf = (source: string): string =>
  source.replace(/^src\//, 'test/').replace(/\.ts$/, '.test.ts')

/** The unit tests of sources; where one would be too long, `b-faults.test.ts` and the like beside `b.test.ts`. */
export function testsOf(sources: readonly string[]): string[] {
  const units = sources.map(unitTestOf).filter((test) => existsSync(test))
  const more = units.flatMap((test) => globSync(test.replace('.test.ts', '-*.test.ts')))
  return [...new Set([...units, ...withoutPrograms(more)])].sort()
}

/** Programs run as they were built, without mutants, and take their time. */
function withoutPrograms(tests: readonly string[]): string[] {
  const imports = new Map(sourceFiles('test').map((file) => [file.path, file.imports]))
  const reaches = (file: string, seen: Set<string>): boolean => {
    if (STARTERS.includes(file)) return true
    if (seen.has(file)) return false
    seen.add(file)
    return imports.get(file)?.some((imported) => reaches(imported, seen)) ?? false
  }
  return tests.filter((test) => !reaches(test, new Set()))
}
