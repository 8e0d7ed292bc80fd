import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openCacheFolder } from '../../src/exec/cache-folder.ts'
import { replaceFileCall, watchOpenFiles } from '../support/file-calls.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOON = Date.parse('2026-06-01T12:00:00Z')

function openFolder(t: Test) {
  const path = join(temporaryFolder(t), 'portcullis')
  mkdirSync(path, { mode: 0o700 })
  const said: string[] = []
  const complain = (sentence: string) => said.push(sentence)
  return {
    path,
    said,
    folder: openCacheFolder({ path, uid: process.geteuid?.() ?? -1, pid: 4711, complain }),
  }
}

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

t.test('half a token is never put in place, and nothing is left of it', async (t) => {
  const open = watchOpenFiles(t)
  const { path, said, folder } = openFolder(t)
  folder.write('a', 'the token before', NOON)
  t.test('when the disk takes a part of it', async (t) => {
    replaceFileCall(t, 'writeSync', () => (_, bytes) => (bytes as Buffer).length - 1)
    folder.write('a', 'the token after', NOON)
    folder.create('key', Buffer.from('key'))
    t.same(said, [`tokens are not kept: ${path}: ENOSPC`])
  })
  for (const call of ['writeSync', 'futimesSync', 'renameSync'] as const)
    t.test(`when ${call} fails`, async (t) => {
      replaceFileCall(t, call, () => failing('EIO') as never)
      folder.write('a', 'the token after', NOON)
    })
  t.test('afterwards', async (t) => {
    t.same(readdirSync(path), ['a'])
    t.equal(readFileSync(join(path, 'a'), 'utf8'), 'the token before')
    t.same(open(), [])
    t.equal(said.length, 1, 'said once')
  })
})

t.test('the first fault is said by its code, later ones are not', async (t) => {
  const { path, said, folder } = openFolder(t)
  replaceFileCall(t, 'openSync', () => failing('EROFS') as never)
  folder.write('a', 'token', NOON)
  folder.read('a')
  t.same(said, [`tokens are not kept: ${path}: EROFS`])
})

t.test('a file under the name of what is being written is not written into', async (t) => {
  const { path, said, folder } = openFolder(t)
  const elsewhere = join(path, '../elsewhere')
  writeFileSync(elsewhere, 'mine')
  linkSync(elsewhere, join(path, 'tmp-4711-0'))
  symlinkSync(elsewhere, join(path, 'tmp-4711-1'))
  folder.write('a', 'token', NOON)
  folder.write('a', 'token', NOON)
  t.equal(readFileSync(elsewhere, 'utf8'), 'mine')
  t.same(readdirSync(path), [], 'what was in the way is gone')
  folder.write('a', 'token', NOON)
  t.same(readdirSync(path), ['a'])
  t.same(said, [])
})

t.test(
  'what is written has the process id and a number of its own in its name until it is whole',
  async (t) => {
    const { path, folder } = openFolder(t)
    const names: string[] = []
    replaceFileCall(t, 'renameSync', (original) => (from, to) => {
      names.push(String(from))
      t.equal(readFileSync(from, 'utf8'), 'token')
      t.notOk(existsSync(join(path, 'b')))
      original(from, to)
    })
    folder.write('a', 'token', NOON)
    folder.write('a', 'token', NOON)
    t.same(names, [join(path, 'tmp-4711-0'), join(path, 'tmp-4711-1')])
  },
)

t.test('a folder that cannot be listed, and a file that goes away meanwhile, end no sweep', async (t) => {
  const { path, said, folder } = openFolder(t)
  for (const name of ['1.token', '2.token']) folder.write(name, '', NOON)
  t.test('one goes away', async (t) => {
    replaceFileCall(
      t,
      'lstatSync',
      (original) =>
        ((name: string) => {
          if (name.endsWith('1.token')) return failing('ENOENT')()
          return original(name)
        }) as never,
    )
    folder.sweep(NOON + 1)
    t.same(readdirSync(path), ['1.token'])
  })
  t.test('none can be seen', async (t) => {
    replaceFileCall(t, 'readdirSync', () => failing('EIO') as never)
    folder.sweep(NOON + 1)
    t.same(said, [`tokens are not kept: ${path}: EIO`])
  })
})
