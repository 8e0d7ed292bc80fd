import {
  mkdirSync,
  type readdirSync,
  rmSync,
  type statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listConfigFiles, readConfigFile, watchFiles } from '../../src/files/watched-file.ts'
import { replaceFileCall } from '../support/file-calls.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

t.test('a configuration file is read as UTF-8', async (t) => {
  const path = join(temporaryFolder(t), 'a.conf')
  writeFileSync(path, 'grün\n\u{1f600}')
  t.equal(readConfigFile(path), 'grün\n\u{1f600}')
})

t.test('a file that cannot be read is an error with its path and the reason', async (t) => {
  const folder = temporaryFolder(t)
  const missing = join(folder, 'missing')
  t.throws(() => readConfigFile(missing), {
    code: 'FILE_UNREADABLE',
    message: new RegExp(`cannot read ${missing}: ENOENT`),
    cause: { code: 'ENOENT' },
  })
  t.throws(() => readConfigFile(folder), {
    code: 'FILE_UNREADABLE',
    message: new RegExp(`${folder}: EISDIR`),
  })
})

t.test('16 MiB are read, one byte more is refused with both sizes', async (t) => {
  const path = join(temporaryFolder(t), 'large')
  writeFileSync(path, '')
  truncateSync(path, 16 * 1024 * 1024)
  t.equal(readConfigFile(path).length, 16_777_216)
  truncateSync(path, 16 * 1024 * 1024 + 1)
  t.throws(() => readConfigFile(path), {
    code: 'FILE_UNREADABLE',
    message: new RegExp(`${path}: .*16777217 bytes.* 16777216$`),
  })
})

t.test('the visible files of a directory that end as asked are listed, sorted', async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['b.csv', 'a.yaml', '.c.csv', 'd.json', 'a.csv', 'csv', 'e.csv.old'])
    writeFileSync(join(folder, name), '')
  t.strictSame(listConfigFiles(folder, ['.csv', '.yaml']), [
    join(folder, 'a.csv'),
    join(folder, 'a.yaml'),
    join(folder, 'b.csv'),
  ])
  t.strictSame(listConfigFiles(folder, []), [])
  replaceFileCall(
    t,
    'readdirSync',
    () => (() => ['b.csv', 'c.csv', 'a.csv']) as unknown as typeof readdirSync,
  )
  t.strictSame(
    listConfigFiles('/x', ['.csv']),
    ['/x/a.csv', '/x/b.csv', '/x/c.csv'],
    'in whichever order it comes',
  )
})

t.test('a directory that cannot be listed is an error with its path and the reason', async (t) => {
  const folder = temporaryFolder(t)
  const missing = join(folder, 'missing')
  t.throws(() => listConfigFiles(missing, ['.csv']), {
    code: 'FILE_UNREADABLE',
    message: new RegExp(`cannot list ${missing}: ENOENT`),
    cause: { code: 'ENOENT' },
  })
})

t.test('a change of inode, size, content or times is noticed, in each of the files', async (t) => {
  const same = { ino: 1, size: 10, mtimeMs: 100.25, ctimeMs: 200.25 }
  const files: Record<string, typeof same> = { '/a': same, '/b': same }
  replaceFileCall(t, 'statSync', () => ((path: string) => files[path]) as unknown as typeof statSync)
  const clock = createManualClock()
  let changes = 0
  const stop = watchFiles({ paths: ['/a', '/b'], clock, changed: () => void changes++ })
  await clock.advance(5000)
  t.equal(changes, 0)
  const steps = Object.keys(same).flatMap((field) => [
    ['/a', field],
    ['/b', field],
  ])
  for (const [number, [path = '', field = '']] of steps.entries()) {
    files[path] = { ...(files[path] as typeof same), [field]: number + 1000 }
    await clock.advance(1000)
    t.equal(changes, number + 1, `${field} of ${path}`)
    await clock.advance(2000)
    t.equal(changes, number + 1, 'once')
  }
  files['/a'] = { ...same, size: 7 }
  files['/b'] = { ...same, size: 8 }
  await clock.advance(1000)
  const before = changes
  files['/a'] = { ...same, size: 8 }
  files['/b'] = { ...same, size: 7 }
  await clock.advance(1000)
  t.equal(changes, before + 1, 'two files that change places')
  stop()
})

t.test('a file that is written, goes, or comes back is noticed once each time', async (t) => {
  const path = join(temporaryFolder(t), 'a.conf')
  const clock = createManualClock()
  let changes = 0
  const stop = watchFiles({ paths: [path], clock, changed: () => void changes++ })
  const steps: (() => void)[] = [
    () => writeFileSync(path, 'one'),
    () => writeFileSync(path, 'other'),
    () => utimesSync(path, 1, 1),
    () => rmSync(path),
    () => mkdirSync(path),
    () => rmSync(path, { recursive: true }),
  ]
  for (const [number, step] of steps.entries()) {
    await clock.advance(3000)
    t.equal(changes, number)
    step()
    await clock.advance(1000)
    t.equal(changes, number + 1, `step ${number + 1}`)
  }
  stop()
  writeFileSync(path, 'again')
  await clock.advance(3000)
  t.equal(changes, 6)
})

t.test('a file that cannot be looked at for another reason is another than before', async (t) => {
  let code: string | undefined = 'ENOENT'
  replaceFileCall(t, 'statSync', () => () => {
    throw Object.assign(new Error('no'), code && { code })
  })
  const clock = createManualClock()
  let changes = 0
  const stop = watchFiles({ paths: ['/a'], clock, changed: () => void changes++ })
  await clock.advance(1000)
  t.equal(changes, 0)
  code = 'EACCES'
  await clock.advance(1000)
  t.equal(changes, 1)
  code = undefined
  await clock.advance(1000)
  t.equal(changes, 2)
  code = 'ENOENT'
  await clock.advance(1000)
  t.equal(changes, 3)
  stop()
})

t.test('a swap of symbolic links, as kubelet makes it, is noticed', async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['..one', '..two']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'policy.csv'), name)
  }
  const [data, path] = [join(folder, '..data'), join(folder, 'policy.csv')]
  symlinkSync('..one', data)
  symlinkSync('..data/policy.csv', path)
  const clock = createManualClock()
  const seen: string[] = []
  const stop = watchFiles({ paths: [path], clock, changed: () => void seen.push(readConfigFile(path)) })
  rmSync(data)
  symlinkSync('..two', data)
  await clock.advance(1000)
  t.strictSame(seen, ['..two'])
  stop()
})

t.test(
  'files are looked at every second unless said otherwise, and never while a change is worked on',
  async (t) => {
    const path = join(temporaryFolder(t), 'a.conf')
    for (const intervalMs of [undefined, 250]) {
      const clock = createManualClock()
      const seen: string[] = []
      let finish = () => {}
      const changed = () => {
        seen.push(readConfigFile(path))
        return new Promise<void>((resolve) => {
          finish = resolve
        })
      }
      writeFileSync(path, '')
      const stop = watchFiles({ paths: [path], clock, ...(intervalMs && { intervalMs }), changed })
      writeFileSync(path, '1')
      await clock.advance((intervalMs ?? 1000) - 1)
      t.strictSame(seen, [])
      await clock.advance(1)
      t.strictSame(seen, ['1'])
      // it changes after it was read: that is seen when the first change has been worked on
      writeFileSync(path, '22')
      await clock.advance(10_000)
      t.strictSame(seen, ['1'])
      finish()
      await new Promise(setImmediate)
      await clock.advance(intervalMs ?? 1000)
      t.strictSame(seen, ['1', '22'])
      stop()
      finish()
    }
  },
)

t.test('which files there are is asked each time', async (t) => {
  const folder = temporaryFolder(t)
  const clock = createManualClock()
  let paths = ['a', 'b'].map((name) => join(folder, name))
  let changes = 0
  const stop = watchFiles({ paths: () => paths, clock, changed: () => void changes++ })
  await clock.advance(1000)
  t.equal(changes, 0)
  paths = [join(folder, 'a'), join(folder, 'c')]
  await clock.advance(1000)
  t.equal(changes, 1)
  paths = [join(folder, 'a')]
  await clock.advance(1000)
  t.equal(changes, 2)
  writeFileSync(join(folder, 'a'), 'x')
  await clock.advance(1000)
  t.equal(changes, 3)
  stop()
})
