import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { directoryPolicySource, filePolicySource } from '../../src/authz/policy-source.ts'
import type { PolicyDocument } from '../../src/authz/policy-text.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const plain = (documents: readonly PolicyDocument[]) =>
  documents.map(({ name, format, rest, text }) => ({ name, format, rest, text: text() }))

t.test('a file is one document, its format told by its ending', async (t) => {
  const folder = temporaryFolder(t)
  const clock = createManualClock()
  const table = { 'a.json': 'cpo', 'b.csv': 'csv', 'c.yaml': 'yaml', 'd.yml': 'yaml', 'e.old.csv': 'csv' }
  for (const [name, format] of Object.entries(table)) {
    const path = join(folder, name)
    writeFileSync(path, `text of ${name}`)
    const source = filePolicySource(path, clock)
    t.equal(source.name, name)
    t.equal(source.lenient, undefined, 'a file that cannot be read stops the start')
    t.strictSame(plain(source.documents()), [{ name, format, rest: 'ignored', text: `text of ${name}` }])
  }
})

t.test('a format that is given counts, whatever the name', async (t) => {
  const path = join(temporaryFolder(t), 'policy.conf')
  writeFileSync(path, '[]')
  t.strictSame(plain(filePolicySource(path, createManualClock(), 'cpo').documents()), [
    { name: 'policy.conf', format: 'cpo', rest: 'ignored', text: '[]' },
  ])
})

t.test('a file of no known ending is refused with its path and the endings', async (t) => {
  for (const path of ['/x/policy', '/x/policy.txt', '/x/policy.JSON', '/x/.json', '/x/a.constructor'])
    t.throws(
      () => filePolicySource(path, createManualClock()),
      { code: 'POLICY_INVALID', message: new RegExp(`^${path}: .*\\.json, \\.csv, \\.yaml, \\.yml$`) },
      path,
    )
})

t.test('a file is read when its text is asked for, and says so if it cannot be', async (t) => {
  const path = join(temporaryFolder(t), 'a.csv')
  const source = filePolicySource(path, createManualClock())
  const [document] = source.documents()
  t.throws(() => document?.text(), { code: 'FILE_UNREADABLE', message: new RegExp(path) })
  writeFileSync(path, 'one')
  t.equal(document?.text(), 'one')
  writeFileSync(path, 'two')
  t.equal(document?.text(), 'two')
})

t.test('a file that changes is reported within a second', async (t) => {
  const path = join(temporaryFolder(t), 'a.csv')
  const clock = createManualClock()
  let changes = 0
  writeFileSync(path, '1')
  const stop = filePolicySource(path, clock).watch(async () => void changes++)
  await clock.advance(3000)
  t.equal(changes, 0)
  writeFileSync(path, '22')
  await clock.advance(1000)
  t.equal(changes, 1)
  stop()
  writeFileSync(path, '333')
  await clock.advance(3000)
  t.equal(changes, 1)
})

t.test('a directory holds the files that end as a policy, sorted by name', async (t) => {
  const folder = join(temporaryFolder(t), 'rules')
  mkdirSync(folder)
  for (const name of ['z.json', 'b.csv', 'a.yaml', 'c.yml', '.hidden.csv', '..data', 'notes.txt', 'csv'])
    writeFileSync(join(folder, name), `text of ${name}`)
  const source = directoryPolicySource(folder, createManualClock())
  t.equal(source.name, 'rules')
  t.equal(source.lenient, undefined)
  t.strictSame(
    plain(source.documents()),
    [
      ['a.yaml', 'yaml'],
      ['b.csv', 'csv'],
      ['c.yml', 'yaml'],
      ['z.json', 'cpo'],
    ].map(([name, format]) => ({ name, format, rest: 'ignored', text: `text of ${name}` })),
  )
})

t.test('a directory that is not there cannot be listed, and is watched all the same', async (t) => {
  const folder = join(temporaryFolder(t), 'rules')
  const clock = createManualClock()
  const source = directoryPolicySource(folder, clock)
  t.throws(() => source.documents(), { code: 'FILE_UNREADABLE', message: new RegExp(folder) })
  const seen: string[][] = []
  const names = () => {
    try {
      return source.documents().map(({ name }) => name)
    } catch {
      return ['unreadable']
    }
  }
  const stop = source.watch(async () => void seen.push(names()))
  await clock.advance(2000)
  const steps: (() => void)[] = [
    () => mkdirSync(folder),
    () => writeFileSync(join(folder, 'a.csv'), 'a'),
    () => writeFileSync(join(folder, 'b.json'), '[]'),
    () => writeFileSync(join(folder, 'a.csv'), 'changed'),
    () => writeFileSync(join(folder, 'notes.txt'), 'no policy'),
    () => renameSync(join(folder, 'a.csv'), join(folder, 'c.csv')),
    () => rmSync(join(folder, 'b.json')),
    () => rmSync(folder, { recursive: true }),
  ]
  const heard: (string[] | undefined)[] = []
  for (const step of steps) {
    step()
    await clock.advance(1000)
    heard.push(seen.pop())
    t.equal(seen.length, 0, 'once for each change')
  }
  t.strictSame(heard, [
    [],
    ['a.csv'],
    ['a.csv', 'b.json'],
    ['a.csv', 'b.json'],
    undefined,
    ['b.json', 'c.csv'],
    ['c.csv'],
    ['unreadable'],
  ])
  stop()
  mkdirSync(folder)
  await clock.advance(2000)
  t.equal(seen.length, 0)
})
