import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type CacheFolder, openCacheFolder } from '../../src/exec/cache-folder.ts'
import { createTokenCache, type KeptToken } from '../../src/exec/token-cache.ts'
import { createManualClock } from './manual-clock.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A token cache in a folder of its own that is not made yet, and what is said about it. */
export function tokenFolder(t: Pick<Test, 'teardown'>) {
  const clock = createManualClock()
  const path = join(temporaryFolder(t), 'portcullis')
  const said: string[] = []
  const folder = openCacheFolder({
    path,
    uid: process.geteuid?.() ?? -1,
    pid: process.pid,
    complain: (sentence) => said.push(sentence),
  })
  const kept = (token: string, life = 600_000): KeptToken => ({
    token,
    since: clock.now(),
    until: clock.now() + life,
    keystoneUrl: `https://${token}.example/v3`,
  })
  const names = () => (existsSync(path) ? readdirSync(path).sort() : [])
  const file = (ending: string) => join(path, names().find((name) => name.endsWith(ending)) as string)
  return { clock, path, folder, cache: createTokenCache({ folder, clock }), kept, names, file, said }
}

/** A folder with nothing on disk, for what a real one seldom does. */
export const fakeFolder = (parts: Partial<CacheFolder>): CacheFolder => ({
  read: () => undefined,
  write: () => {},
  create: () => {},
  validUntil: () => undefined,
  remove: () => {},
  sweep: () => {},
  pathOf: () => undefined,
  ...parts,
})
