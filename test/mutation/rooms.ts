import { existsSync, globSync } from 'node:fs'
import path from 'node:path'
import { sourceFiles } from '../support/source-files.ts'

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

/** The unit tests of a source, and of its room all tests that start no program: those see no mutant. */
export function testsOf(sources: readonly string[]): string[] {
  const all = new Map([...sourceFiles('test'), ...sourceFiles('src')].map((file) => [file.path, file]))
  const starts = (file: string, seen = new Set<string>()): boolean => {
    if (file === 'test/support/child-process.ts') return true
    if (seen.has(file)) return false
    seen.add(file)
    return all.get(file)?.imports.some((imported) => starts(imported, seen)) ?? false
  }
  const units = new Set(sources.map(unitTestOf))
  // tests at the top are about the whole project, not about a room
  const rooms = new Set([...units].map((test) => path.dirname(test)).filter((folder) => folder !== 'test'))
  const ofRooms = [...rooms].flatMap((room) => globSync(`${room}/*.test.ts`)).filter((test) => !starts(test))
  return [...new Set([...[...units].filter((test) => existsSync(test)), ...ofRooms])].sort()
}
