import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cacheFolderPath, isAlive } from '../../src/exec/cache-folder.ts'
import { NOON, openFilled, openFolder, SECRET, UID } from '../support/cache-folders.ts'
import { DEAD_PID, modeOf, watchOpenFiles, withoutMask } from '../support/file-calls.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

t.test(
  'the folder is $XDG_CACHE_HOME/portcullis where that is a whole path, else ~/.cache/portcullis',
  async (t) => {
    for (const [base, expected] of [
      ['/var/cache/me', '/var/cache/me/portcullis'],
      ['relative/cache', '/home/me/.cache/portcullis'],
      ['', '/home/me/.cache/portcullis'],
      [undefined, '/home/me/.cache/portcullis'],
    ] as const)
      t.equal(cacheFolderPath({ XDG_CACHE_HOME: base }, '/home/me'), expected, String(base))
  },
)

t.test('reading, looking and removing make no folder and say nothing', async (t) => {
  const { path, said, folder } = openFolder(t)
  t.equal(folder.read('a'), undefined)
  t.equal(folder.validUntil('a'), undefined)
  folder.remove('a')
  folder.sweep(NOON)
  t.notOk(existsSync(path))
  t.same(said, [])
})

t.test('what writes makes the folder with mode 0700 and the file with mode 0600', async (t) => {
  withoutMask(t)
  const written = openFolder(t)
  written.folder.write('a', 'content', NOON)
  const created = openFolder(t)
  created.folder.create('a', SECRET)
  for (const { path, folder, said } of [written, created]) {
    t.equal(modeOf(path), 0o700)
    t.equal(modeOf(join(path, '..')), 0o700, 'the folder above as well')
    t.equal(modeOf(join(path, 'a')), 0o600)
    t.same(readdirSync(path), ['a'])
    t.equal(folder.pathOf('b'), join(path, 'b'))
    t.same(said, [])
  }
  t.same(written.folder.read('a'), Buffer.from('content'))
  t.same(created.folder.read('a'), SECRET)
  const named = openFolder(t)
  t.equal(named.folder.pathOf('lock'), join(named.path, 'lock'))
  t.equal(modeOf(named.path), 0o700)
})

t.test('a file has the time that it is valid until, to the millisecond', async (t) => {
  const { folder } = openFolder(t)
  for (const until of [NOON, NOON + 90_000, NOON + 1]) {
    folder.write('a', '', until)
    t.equal(Math.round(folder.validUntil('a') ?? 0), until)
  }
  t.equal(folder.validUntil('b'), undefined)
  folder.create('key', SECRET)
  t.ok(Math.abs((folder.validUntil('key') ?? 0) - Date.now()) < 60_000, 'a key has the time of its making')
})

t.test('a file is replaced as a whole: who reads the old one reads it to its end', async (t) => {
  const { path, folder } = openFilled(t)
  linkSync(join(path, 'a'), join(path, 'old'))
  folder.write('a', 'new', NOON)
  t.equal(readFileSync(join(path, 'old'), 'utf8'), 'a secret')
  t.same(folder.read('a'), Buffer.from('new'))
  symlinkSync(join(path, 'old'), join(path, 'link'))
  folder.write('link', 'new', NOON)
  t.equal(readFileSync(join(path, 'old'), 'utf8'), 'a secret', 'a link is replaced, not followed')
})

t.test('create leaves a file that is there as it is, and says nothing', async (t) => {
  const { path, folder, said } = openFilled(t)
  folder.create('a', Buffer.from('of a later process'))
  t.same(folder.read('a'), SECRET)
  t.same(readdirSync(path), ['a'])
  t.same(said, [])
})

t.test('remove takes away the one file that is named', async (t) => {
  const { path, folder, said } = openFilled(t)
  folder.write('b', 'other', NOON)
  folder.remove('a')
  folder.remove('a')
  t.same(readdirSync(path), ['b'])
  t.same(said, [])
})

t.test(
  'a folder or file that others may read, write or enter is not used, whichever bit it is',
  async (t) => {
    for (const bit of [0o001, 0o002, 0o004, 0o010, 0o020, 0o040]) {
      const file = openFilled(t)
      chmodSync(join(file.path, 'a'), 0o600 | bit)
      t.equal(file.folder.read('a'), undefined, `file ${bit.toString(8)}`)
      const name = join(file.path, 'a')
      t.same(file.said, [`tokens are not kept: ${name} is open to others: chmod go= ${name}`])

      const { path, folder, said } = openFilled(t)
      chmodSync(path, 0o700 | bit)
      t.equal(folder.read('a'), undefined, `folder ${bit.toString(8)}`)
      t.equal(folder.validUntil('a'), undefined)
      t.equal(folder.pathOf('a'), undefined)
      folder.remove('a')
      folder.write('b', 'token', NOON)
      folder.create('c', SECRET)
      t.same(readdirSync(path), ['a'])
      t.same(said, [`tokens are not kept: ${path} is open to others: chmod go= ${path}`], 'said once')
    }
  },
)

t.test('what its owner may do with a file or folder makes no difference', async (t) => {
  for (const mode of [0o400, 0o600, 0o700]) {
    const { path, folder, said } = openFilled(t)
    chmodSync(join(path, 'a'), mode)
    t.same(folder.read('a'), SECRET, mode.toString(8))
    t.same(said, [])
  }
})

t.test('a folder of another user is not used, and that is said with the user’s id', async (t) => {
  const { path, folder, said } = openFilled(t, UID + 1)
  t.equal(folder.read('a'), undefined)
  writeFileSync(join(path, 'old.token'), '')
  folder.sweep(Date.now() + 60_000)
  folder.write('b', 'token', NOON)
  t.same(readdirSync(path), ['a', 'old.token'])
  t.same(said, [`tokens are not kept: ${path} belongs to another user (uid ${UID})`])
})

t.test('a link or a file in place of the folder, and a link in place of a file, are not used', async (t) => {
  const { path: target } = openFilled(t)
  const above = temporaryFolder(t)
  symlinkSync(target, join(above, 'link'))
  writeFileSync(join(above, 'file'), '')
  for (const name of ['link', 'file']) {
    const { folder, said } = openFolder(t, join(above, name))
    t.equal(folder.read('a'), undefined, name)
    t.equal(folder.pathOf('a'), undefined, name)
    t.same(said.length, 1)
    t.match(said[0], new RegExp(`^tokens are not kept: ${join(above, name)} is no`))
  }
  const { path, folder, said } = openFilled(t)
  symlinkSync(join(target, 'a'), join(path, 'b'))
  t.equal(folder.read('b'), undefined)
  t.same(said, [`tokens are not kept: ${path}: ELOOP`])
})

t.test('a folder that cannot be made is said once by its error code', async (t) => {
  const above = join(temporaryFolder(t), 'file')
  writeFileSync(above, '')
  const { path, folder, said } = openFolder(t, join(above, 'portcullis'))
  folder.write('a', 'token', NOON)
  folder.create('a', SECRET)
  t.equal(folder.pathOf('a'), undefined)
  t.same(said, [`tokens are not kept: ${path}: ENOTDIR`])
})

t.test('a file of up to 64 KiB is read, a longer one and one that is no file are not', async (t) => {
  const { path, folder, said } = openFilled(t)
  for (const [size, expected] of [
    [0, 0],
    [65_535, 65_535],
    [65_536, 65_536],
    [65_537, undefined],
    [100_000, undefined],
  ] as const) {
    writeFileSync(join(path, 'a'), 'x'.repeat(size))
    t.equal(folder.read('a')?.length, expected, `${size} bytes`)
  }
  mkdirSync(join(path, 'b'), { mode: 0o700 })
  t.equal(folder.read('b'), undefined)
  t.same(said, [])
})

t.test('files that were read or written are closed, also those that are not used', async (t) => {
  const open = watchOpenFiles(t)
  const { path, folder } = openFilled(t)
  chmodSync(join(path, 'a'), 0o644)
  mkdirSync(join(path, 'b'))
  folder.read('a')
  folder.read('b')
  folder.write('c', 'content', NOON)
  folder.create('c', SECRET)
  folder.read('c')
  t.same(open(), [])
})

t.test('a sweep removes what is past its time and what processes that died have left', async (t) => {
  const { path, folder, said } = openFilled(t)
  const [before, now, after] = [NOON - 1, NOON, NOON + 1].map((ms) => ms / 1000) as [number, number, number]
  const long = (NOON - 30 * 24 * 3_600_000) / 1000
  const rows: readonly (readonly [string, number, 'goes' | 'stays'])[] = [
    ['1.token', before, 'goes'],
    ['2.token', now, 'stays'],
    ['3.token', after, 'stays'],
    ['4.token', long, 'goes'],
    ['1.refused', before, 'goes'],
    ['2.refused', now, 'stays'],
    ['3.refused', after, 'stays'],
    ['key', long, 'stays'],
    ['1.lock', long, 'stays'],
    ['1.token.bak', long, 'stays'],
    ['refused-notes', long, 'stays'],
    [`tmp-${DEAD_PID}-0`, after, 'goes'],
    [`tmp-${DEAD_PID}-12`, long, 'goes'],
    [`tmp-${process.pid}-7`, long, 'stays'],
    [`my-tmp-${DEAD_PID}-0`, long, 'stays'],
    [`tmp-${DEAD_PID}`, long, 'stays'],
  ]
  for (const [name, time] of rows) {
    writeFileSync(join(path, name), 'x', { mode: 0o600 })
    utimesSync(join(path, name), time, time)
  }
  folder.sweep(NOON)
  const stay = rows.flatMap(([name, , fate]) => (fate === 'stays' ? [name] : []))
  t.same(readdirSync(path).sort(), ['a', ...stay].sort())
  t.same(said, [])
})

t.test('a process is alive while its id is in use, whoever it belongs to', async (t) => {
  t.equal(isAlive(process.pid), true)
  t.equal(isAlive(1), true)
  t.equal(isAlive(DEAD_PID), false)
  const { kill } = process
  t.teardown(() => {
    process.kill = kill
  })
  const signals: unknown[] = []
  process.kill = (_, signal) => {
    signals.push(signal)
    throw Object.assign(new Error('not yours'), { code: 'EPERM' })
  }
  t.equal(isAlive(4242), true, 'another user’s')
  t.same(signals, [0], 'nobody is sent a signal')
})
