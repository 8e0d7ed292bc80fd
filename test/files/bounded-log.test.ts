import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openBoundedLog } from '../../src/files/bounded-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'bounded-log-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let files = 0

/** A file of its own for each test, which need not be there yet. */
function file(before?: string) {
  files += 1
  const path = join(folder, `log-${files}`)
  if (before !== undefined) writeFileSync(path, before)
  const read = (of: string) => (existsSync(of) ? readFileSync(of, 'utf8') : undefined)
  return { path, text: () => read(path), older: () => read(`${path}.1`) }
}

t.test('lines are appended in order, each with its end, after what is there', async (t) => {
  for (const before of [undefined, 'before\n']) {
    const { path, text, older } = file(before)
    const log = openBoundedLog(path, 100)
    t.equal(text(), before, 'opening writes nothing')
    log.append('one')
    log.append('')
    log.append('two')
    t.equal(text(), `${before ?? ''}one\n\ntwo\n`)
    t.equal(older(), undefined)
  }
})

t.test('nobody but the owner may read the log, before a change of files and after it', async (t) => {
  const { path } = file()
  const log = openBoundedLog(path, 10)
  log.append('12345678')
  log.append('12345678')
  for (const one of [path, `${path}.1`]) t.equal(statSync(one).mode & 0o777, 0o600, one)
})

t.test('a file is filled to its last byte, and the next line begins another', async (t) => {
  const { path, text, older } = file()
  const log = openBoundedLog(path, 10)
  log.append('1234')
  log.append('5678')
  t.same([text(), older()], ['1234\n5678\n', undefined])
  log.append('')
  t.same([text(), older()], ['\n', '1234\n5678\n'])
})

t.test('the older file makes room for the next one, which is as long', async (t) => {
  const { path, text, older } = file()
  const log = openBoundedLog(path, 10)
  for (const line of ['aaaa', 'bbbb', 'cccc', 'dddd']) log.append(line)
  t.same([text(), older()], ['cccc\ndddd\n', 'aaaa\nbbbb\n'])
  log.append('eeeee')
  t.same([text(), older()], ['eeeee\n', 'cccc\ndddd\n'])
  t.notOk(existsSync(`${path}.2`))
})

t.test('what the file held before counts', async (t) => {
  const { path, text, older } = file('123456\n')
  const log = openBoundedLog(path, 10)
  log.append('ab')
  t.same([text(), older()], ['123456\nab\n', undefined])
  log.append('cd')
  t.same([text(), older()], ['cd\n', '123456\nab\n'])
  const full = file('123456\n')
  openBoundedLog(full.path, 10).append('abc')
  t.same([full.text(), full.older()], ['abc\n', '123456\n'])
})

t.test('bytes count, not characters', async (t) => {
  const { path, text, older } = file()
  const log = openBoundedLog(path, 10)
  log.append('éé')
  log.append('éé')
  t.same([text(), older()], ['éé\néé\n', undefined])
  log.append('€€')
  log.append('€€')
  t.same([text(), older()], ['€€\n', '€€\n'])
  log.append('€€€')
  t.same([text(), older()], ['€€€\n', '€€\n'])
})

t.test('a line that fits no file is left out, and changes nothing', async (t) => {
  const { path, text, older } = file()
  const log = openBoundedLog(path, 10)
  log.append('1234')
  log.append('1234567890')
  t.same([text(), older()], ['1234\n', undefined])
  log.append('123456789')
  t.same([text(), older()], ['123456789\n', '1234\n'], 'one that fills a file does fit')
  t.equal(statSync(path).size, 10)
})

t.test('a file that cannot be written throws, by its path', async (t) => {
  const { path } = file()
  mkdirSync(path)
  t.throws(() => openBoundedLog(path, 1_000_000).append('x'), { code: 'EISDIR', path })
  t.throws(() => openBoundedLog(join(folder, 'none', 'log'), 100).append('x'), { code: 'ENOENT' })
})

t.test('the mode of a file that was there is left as it is', async (t) => {
  const { path } = file('before\n')
  chmodSync(path, 0o640)
  openBoundedLog(path, 100).append('x')
  t.equal(statSync(path).mode & 0o777, 0o640)
})
