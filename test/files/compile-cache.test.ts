import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import module, { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keepCompiled } from '../../src/files/compile-cache.ts'
import { modeOf, withoutMask } from '../support/file-calls.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Windows has no users in this sense. */
const system: { geteuid?: (() => number) | undefined } = process
const OWN = process.geteuid?.() ?? 0

/** A place for temporary files, where the folder would be, and what Node is told to keep. */
function place(t: Test, uid: number | undefined = OWN) {
  withoutMask(t)
  const temporary = temporaryFolder(t)
  const { TMPDIR } = process.env
  process.env.TMPDIR = temporary
  const { geteuid } = system
  system.geteuid = uid === undefined ? undefined : () => uid
  const { enableCompileCache } = module
  const kept: unknown[] = []
  const set = (call: typeof enableCompileCache) => {
    module.enableCompileCache = call
    syncBuiltinESMExports()
  }
  // the cache itself would stay on for the rest of the process
  set((path) => {
    kept.push(path)
    return { status: module.constants.compileCacheStatus.ENABLED }
  })
  t.teardown(() => {
    set(enableCompileCache)
    system.geteuid = geteuid
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  return { temporary, folder: join(temporary, `portcullis-compiled-${uid}`), kept }
}

t.test('compiled code is kept in a folder that is made for this user alone', async (t) => {
  const { folder, kept } = place(t)
  keepCompiled()
  t.strictSame(kept, [folder])
  t.equal(modeOf(folder), 0o700)
  keepCompiled()
  t.strictSame(kept, [folder, folder], 'the folder of the last time')
})

t.test('nothing is kept in a folder that others can use in any way', async (t) => {
  for (const mode of [0o750, 0o705, 0o720, 0o702, 0o710, 0o701, 0o755, 0o777]) {
    const { folder, kept } = place(t)
    mkdirSync(folder)
    chmodSync(folder, mode)
    keepCompiled()
    t.strictSame(kept, [], mode.toString(8))
    chmodSync(folder, 0o700)
    keepCompiled()
    t.strictSame(kept, [folder])
  }
})

t.test('nothing is kept in the folder of another user', async (t) => {
  const { folder, kept } = place(t, OWN + 1)
  keepCompiled()
  t.equal(modeOf(folder), 0o700)
  t.strictSame(kept, [])
})

t.test('a symbolic link is not followed, even to a folder that would do', async (t) => {
  const { temporary, folder, kept } = place(t)
  mkdirSync(join(temporary, 'elsewhere'), { mode: 0o700 })
  symlinkSync(join(temporary, 'elsewhere'), folder)
  keepCompiled()
  t.strictSame(kept, [])
})

t.test('what cannot be made is no reason to fail', async (t) => {
  const { folder, kept } = place(t)
  writeFileSync(folder, 'a file', { mode: 0o600 })
  keepCompiled()
  t.strictSame(kept, [])
})

t.test('where there are no users nothing is kept', async (t) => {
  const { temporary, kept } = place(t)
  system.geteuid = undefined
  keepCompiled()
  t.strictSame(kept, [])
  t.strictSame(readdirSync(temporary), [])
})
