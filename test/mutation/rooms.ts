import { existsSync, globSync } from 'node:fs'
import { withoutPrograms } from '../support/unit-tests.ts'

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
