import {
  chmodSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readKubeconfigFile, replaceKubeconfigFiles } from '../../src/exec/kubeconfig-file.ts'
import { modeOf, replaceFileCall, watchOpenFiles, withoutMask } from '../support/file-calls.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A folder with these files in it. */
function folderOf(t: Test, files: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const path = (name: string) => join(folder, name)
  const text = (name: string) => readFileSync(path(name), 'utf8')
  /** Each of these files gets this text. */
  const replace = (texts: Readonly<Record<string, string>>) => {
    const paths = Object.keys(texts).map(path)
    return replaceKubeconfigFiles(paths, () =>
      Object.entries(texts).map(([name, text]) => ({ file: readKubeconfigFile(path(name)), text })),
    )
  }
  return { folder, path, text, replace, names: () => readdirSync(folder).sort() }
}

const failing = (code: string) => () => {
  throw Object.assign(new Error(`${code}: it went wrong`), { code })
}

t.test('a file is read with its path; one that is missing has no text', async (t) => {
  const { path } = folderOf(t, { config: 'kind: Config\n', empty: '' })
  for (const [name, text] of [
    ['config', 'kind: Config\n'],
    ['empty', ''],
    ['none', undefined],
    ['none/config', undefined],
  ] as const)
    t.strictSame(readKubeconfigFile(path(name)), { path: path(name), text })
})

t.test('what cannot be read, or is over 16 MiB, is refused by its path', async (t) => {
  const { folder, path } = folderOf(t, { config: 'x' })
  t.throws(() => readKubeconfigFile(folder), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`read ${folder}: EISDIR`),
  })
  t.throws(() => readKubeconfigFile(path('config/below')), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`read ${path('config/below')}: ENOTDIR`),
  })
  truncateSync(path('config'), 16 * 1024 * 1024 + 1)
  t.throws(() => readKubeconfigFile(path('config')), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`read ${path('config')}: .*16777216`),
  })
  replaceFileCall(t, 'readFileSync', () => (() => 'read') as never)
  truncateSync(path('config'), 16 * 1024 * 1024)
  t.equal(readKubeconfigFile(path('config')).text, 'read', 'no more is as much as is allowed')
})

t.test('only files with another text are written, each with the one before as a backup', async (t) => {
  const { path, text, replace, names } = folderOf(t, { one: 'one', two: 'two' })
  t.same(replace({ one: 'one', two: 'second', three: 'third' }), [path('two'), path('three')])
  t.same([text('one'), text('two'), text('three')], ['one', 'second', 'third'])
  t.same(names(), ['one', 'three', 'two', 'two.portcullis-backup'])
  t.equal(text('two.portcullis-backup'), 'two')
  t.same(replace({ one: 'one', two: 'second' }), [])
  t.equal(text('two.portcullis-backup'), 'two', 'what changes nothing leaves the backup')
})

t.test('files, backups and folders are for their owner alone, whatever they were', async (t) => {
  withoutMask(t)
  const { path, replace } = folderOf(t, { config: 'old' })
  chmodSync(path('config'), 0o666)
  replace({ config: 'new', 'a/b/config': 'new' })
  for (const name of ['config', 'config.portcullis-backup', 'a/b/config'])
    t.equal(modeOf(path(name)), 0o600, name)
  for (const name of ['a', 'a/b']) t.equal(modeOf(path(name)), 0o700, name)
})

t.test(
  'all files are locked as kubectl does it while they are read and written, and free afterwards',
  async (t) => {
    withoutMask(t)
    const { path, names } = folderOf(t, { one: '1', two: '2' })
    const paths = [path('one'), path('two')]
    replaceKubeconfigFiles(paths, () => {
      t.same(names(), ['one', 'one.lock', 'two', 'two.lock'])
      t.equal(modeOf(path('one.lock')), 0o600)
      return [{ file: readKubeconfigFile(path('one')), text: 'new' }]
    })
    t.same(names(), ['one', 'one.portcullis-backup', 'two'])
    const fault = new Error('no')
    t.throws(
      () =>
        replaceKubeconfigFiles(paths, () => {
          throw fault
        }),
      fault,
    )
    t.same(names(), ['one', 'one.portcullis-backup', 'two'])
  },
)

t.test('where another program holds one lock nothing is changed, and only its lock stays', async (t) => {
  const { path, text, names } = folderOf(t, { one: '1', two: '2', three: '3', 'two.lock': '' })
  const paths = [path('one'), path('two'), path('three')]
  t.throws(
    () =>
      replaceKubeconfigFiles(paths, () => {
        t.fail('nothing is read')
        return []
      }),
    { code: 'KUBECONFIG_UNUSABLE', message: new RegExp(`^${path('two')} .*remove ${path('two')}.lock$`) },
  )
  t.same(names(), ['one', 'three', 'two', 'two.lock'])
  t.equal(text('one'), '1')
})

t.test('a folder that cannot be made or locked in is told by the path', async (t) => {
  const { path, replace } = folderOf(t, { file: '' })
  t.throws(() => replace({ 'file/config': 'x' }), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`${path('file/config')}`),
  })
  replaceFileCall(t, 'openSync', () => failing('EROFS') as never)
  t.throws(() => replace({ config: 'x' }), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`write ${path('config')}: EROFS`),
  })
})

t.test('a file is replaced as a whole, behind a symbolic link as well', async (t) => {
  const { path, text, replace, names } = folderOf(t, { target: 'old' })
  linkSync(path('target'), path('reader'))
  symlinkSync('target', path('link'))
  t.same(replace({ link: 'new' }), [path('link')])
  t.equal(readlinkSync(path('link')), 'target')
  t.equal(text('target'), 'new')
  t.equal(text('reader'), 'old', 'who has it open reads the old one to its end')
  t.same(names(), ['link', 'reader', 'target', 'target.portcullis-backup'])
})

t.test('a write that fails leaves the old file, no part of a new one and no lock', async (t) => {
  for (const call of ['writeFileSync', 'fsyncSync', 'renameSync'] as const) {
    const { path, text, replace, names } = folderOf(t, { config: 'old' })
    const open = watchOpenFiles(t)
    await t.test(call, async (t) => {
      replaceFileCall(t, call, () => failing('ENOSPC') as never)
      t.throws(() => replace({ config: 'new' }), {
        code: 'KUBECONFIG_UNUSABLE',
        message: new RegExp(`write ${path('config')}: ENOSPC`),
      })
      t.same(open(), [])
    })
    t.same(names(), ['config'])
    t.equal(text('config'), 'old')
  }
})

t.test('a lock that somebody has removed meanwhile is no fault', async (t) => {
  const { path, text } = folderOf(t, { config: 'old' })
  const changed = replaceKubeconfigFiles([path('config')], () => {
    rmSync(path('config.lock'))
    return [{ file: readKubeconfigFile(path('config')), text: 'new' }]
  })
  t.same(changed, [path('config')])
  t.equal(text('config'), 'new')
})

t.test('a file that cannot be begun is told by that fault', async (t) => {
  const { path, text, replace } = folderOf(t, { config: 'old' })
  replaceFileCall(t, 'openSync', (original) => (name, ...rest) => {
    if (String(name).endsWith('.lock')) return original(name, ...rest)
    return failing('EDQUOT')()
  })
  t.throws(() => replace({ config: 'new' }), {
    code: 'KUBECONFIG_UNUSABLE',
    message: new RegExp(`write ${path('config')}: EDQUOT`),
    cause: { code: 'EDQUOT' },
  })
  t.equal(text('config'), 'old')
})

t.test('text is on the disk before it is under its name, and the backup before the new text', async (t) => {
  const { path, text, replace } = folderOf(t, { config: 'old' })
  const steps: string[] = []
  replaceFileCall(t, 'fsyncSync', (original) => (file) => {
    steps.push('synced')
    original(file)
  })
  replaceFileCall(t, 'renameSync', (original) => (from, to) => {
    t.equal(dirname(String(from)), dirname(String(to)))
    t.match(String(from), new RegExp(`^${to}\\.[0-9a-f]{12}$`))
    t.equal(existsSync(path('config.lock')), true)
    steps.push(String(to))
    original(from, to)
  })
  replace({ config: 'new' })
  t.same(steps, ['synced', path('config.portcullis-backup'), 'synced', path('config')])
  t.equal(text('config'), 'new')
})
