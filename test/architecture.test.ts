import t from 'tap'
import { sourceFiles } from './support/source-files.ts'

const files = sourceFiles('src')
const area = (path: string) => path.split('/')[1] as string
const breaches = (rule: (path: string, imported: string) => boolean) =>
  files.flatMap((file) =>
    file.imports
      .filter((imported) => rule(file.path, imported))
      .map((imported) => `${file.path} -> ${imported}`),
  )
const using = (pattern: RegExp) => files.filter((file) => pattern.test(file.text)).map((file) => file.path)

t.test('main imports commands, commands import compose, and nothing imports them back', async (t) => {
  const entries = ['src/main.ts', 'src/client.ts', 'src/start.ts', 'src/serve.ts', 'src/kms.ts']
  t.same(
    breaches(
      (path, to) =>
        (entries.includes(to) && path !== 'src/start.ts') ||
        (to.startsWith('src/compose') && !/^src\/(commands\/|compose)/.test(path)),
    ),
    [],
  )
  t.same(
    breaches(
      (path, to) =>
        to.startsWith('src/commands/') &&
        ![...entries, 'src/program.ts', 'src/one-command.ts'].includes(path) &&
        area(path) !== 'commands',
    ),
    [],
  )
})

t.test('authn, authz, kms and sync never import each other', async (t) => {
  const apart = ['authn', 'authz', 'kms', 'sync']
  t.same(
    breaches((path, to) => {
      const [from, target] = [area(path), to.startsWith('src/') ? area(to) : '']
      return apart.includes(from) && apart.includes(target) && from !== target
    }),
    [],
  )
})

t.test('each third-party package has one importer', async (t) => {
  const importers = new Map<string, string[]>()
  for (const file of files)
    for (const name of new Set(file.imports))
      if (!name.startsWith('src/') && !name.startsWith('node:'))
        importers.set(name, [...(importers.get(name) ?? []), file.path])
  t.same(
    [...importers].filter(([, paths]) => paths.length > 1),
    [],
  )
})

t.test('the environment is read in one place and handed down', async (t) => {
  t.same(using(/process\.env\b/), ['src/program.ts', 'src/start.ts'])
})

t.test('the wall clock and timers are used by the clock alone', async (t) => {
  t.same(using(/\bDate\.now\(|\bset(Timeout|Interval|Immediate)\(|\bnew Date\(\)/), ['src/clock.ts'])
})

t.test('nothing has a default export, and no file is a barrel', async (t) => {
  t.same(using(/^export default/m), [])
  t.same(using(/^export \* from/m), [])
})

t.test('no file is over 300 lines and the median is about 100', async (t) => {
  const lengths = files.map((file) => file.text.split('\n').length).sort((a, b) => a - b)
  t.ok((lengths.at(-1) ?? 0) <= 300)
  t.ok((lengths[Math.floor(lengths.length / 2)] ?? 0) <= 130)
})

t.test('files are named by a noun in kebab-case, none is a manager, helper or util', async (t) => {
  const odd = files.filter(
    (file) => !/^[a-z0-9/-]+\.ts$/.test(file.path) || /manager|helper|util/.test(file.path),
  )
  t.same(odd, [])
})

t.test('no module holds state: nothing at the top level is declared with let', async (t) => {
  t.same(using(/^(export )?let /m), [])
})
