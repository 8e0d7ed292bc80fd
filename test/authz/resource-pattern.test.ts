import fc from 'fast-check'
import t from 'tap'
import { NO_ITEMS, ResourcePattern, readResourcePattern, textOf } from '../../src/authz/resource-pattern.ts'

/** `pods/log` is the sub-resource log of pods, `pods` the resource itself. */
const resource = (text: string) => {
  const slash = text.indexOf('/')
  return slash < 0 ? { name: text, sub: '' } : { name: text.slice(0, slash), sub: text.slice(slash + 1) }
}

/** Cell, resources that fit, resources that do not, and the names of the only resources that can fit. */
const CELLS: [string, string[], string[], string[] | undefined][] = [
  ['*', ['', 'pods', 'pods/exec'], [], undefined],
  ['pods', ['pods'], ['', 'pods/exec', 'pod', 'podsets', 'secrets'], ['pods']],
  ['pods|secrets', ['pods', 'secrets'], ['services', 'pods/log'], ['pods', 'secrets']],
  ['pods/log', ['pods/log'], ['pods', 'pods/exec', 'log', 'pods/logs'], ['pods', 'pods/log']],
  ['pods/*', ['pods/log', 'pods/exec'], ['pods', 'services/log'], ['pods']],
  ['pods/ex*', ['pods/exec', 'pods/ex'], ['pods', 'pods/log', 'services/exec'], ['pods']],
  ['*/scale', ['deployments/scale', 'pods/scale'], ['scale', 'deployments', 'deployments/status'], undefined],
  ['*/s*', ['deployments/scale', 'pods/status'], ['deployments', 'pods/log'], undefined],
  ['*/*', ['pods/log', 'a/b'], ['', 'pods'], undefined],
  ['pod*', ['pods', 'pod', 'podtemplates'], ['', 'pods/log', 'po'], undefined],
  ['pod*/log', ['pods/log', 'pod/log'], ['pods', 'pods/exec', 'nodes/log'], undefined],
  ['pods|pod*', ['pods', 'podtemplates'], ['pods/log'], undefined],
  ['secrets|pods/*', ['secrets', 'pods/log'], ['pods', 'secrets/log'], ['secrets', 'pods']],
  ['!secrets', ['pods', 'pods/exec', 'secrets/status'], ['', 'secrets'], undefined],
  ['!secrets|!*/exec', ['pods', 'pods/log'], ['', 'secrets', 'pods/exec'], undefined],
  ['! secrets', ['pods'], ['', 'secrets'], undefined],
  ['!pod*', ['secrets', 'pods/log'], ['', 'pods', 'podtemplates'], undefined],
  ['!*', [], ['', 'pods', 'pods/log'], undefined],
  ['!*|pods', ['pods'], ['', 'secrets'], undefined],
  ['!pods/*|pods/log', ['pods', 'pods/log', 'secrets'], ['', 'pods/exec'], undefined],
  ['-', [''], ['pods'], ['']],
  ['a\\*', ['a*'], ['a', 'ab'], ['a*']],
  ['a/b/c', ['a/b/c'], ['a', 'a/b'], ['a', 'a/b', 'a/b/c']],
  ['a/b/*', ['a/b/c'], ['a/b', 'a', 'a/c'], ['a']],
]

t.test('a resource never includes its sub-resources, a sub-resource never its resource', async (t) => {
  for (const [cell, fitting, others] of CELLS) {
    const pattern = readResourcePattern(cell)
    for (const one of [pattern, readResourcePattern(pattern.toCell())]) {
      for (const text of fitting) t.equal(one.fits(resource(text)), true, `${cell} fits ${text}`)
      for (const text of others) t.equal(one.fits(resource(text)), false, `${cell} does not fit ${text}`)
    }
  }
})

t.test('a mere list names the only resources that can fit', async (t) => {
  for (const [cell, , , names] of CELLS) {
    const pattern = readResourcePattern(cell)
    t.same(pattern.names, names, cell)
    t.equal(pattern.names, pattern.names, 'found once')
  }
})

t.test('a name with a slash is compared as one string, however a client cuts it', async (t) => {
  const pattern = readResourcePattern('a/b/c')
  for (const one of [
    { name: 'a', sub: 'b/c' },
    { name: 'a/b', sub: 'c' },
    { name: 'a/b/c', sub: '' },
  ]) {
    t.equal(textOf(one), 'a/b/c')
    t.equal(pattern.fits(one), true)
    t.equal(pattern.names?.includes(one.name), true)
  }
  t.equal(textOf({ name: 'pods', sub: '' }), 'pods')
})

t.test('an escaped slash belongs to the name of a prefix', async (t) => {
  const pattern = readResourcePattern('a\\/b*')
  t.equal(pattern.fits({ name: 'a/bc', sub: '' }), true)
  t.equal(pattern.fits({ name: 'a', sub: 'bc' }), false)
  t.equal(pattern.toCell(), 'a\\/b*')
})

t.test('resource cells are written in one order: values, prefixes, sub-resources, exceptions', async (t) => {
  for (const [cell, written] of [
    ['*|pods', '*'],
    ['pods/ex*|pod*|pods/log|pods', 'pods/log|pods|pod*|pods/ex*'],
    ['!secrets|!*/exec|pods', 'pods|!secrets|!*/exec'],
    ['!*', '!*'],
    ['a\\/x/b*', 'a\\/x/b*'],
    ['*/*', '*/*'],
  ] as const)
    t.equal(readResourcePattern(cell).toCell(), written, cell)
  t.equal(ResourcePattern.ANY.toCell(), '*')
})

t.test('patterns without items fit nothing, and ANY fits everything', async (t) => {
  const none = new ResourcePattern(NO_ITEMS)
  for (const text of ['', 'pods', 'pods/log']) {
    t.equal(none.fits(resource(text)), false, text)
    t.equal(ResourcePattern.ANY.fits(resource(text)), true, text)
  }
  t.same(none.names, [])
  t.equal(ResourcePattern.ANY.names, undefined)
})

t.test('an item that cannot be read is an error', async (t) => {
  for (const cell of ['', 'pods|', '!', '/*', '*/']) t.throws(() => readResourcePattern(cell), /empty/, cell)
  for (const cell of ['*pods', 'po*ds', 'pods/*x', 'po*s/log', 'a/**'])
    t.throws(() => readResourcePattern(cell), /alone or at the end/, cell)
})

t.test('what fits a mere list has one of its names, whatever the list and the request', async () => {
  const word = fc.constantFrom('a', 'b', 'a/b', 'b/a', 'a/b/a', 'a/*', 'b/a*')
  const part = fc.constantFrom('', 'a', 'b', 'a/b', 'b/a')
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), part, part, (words, name, sub) => {
      const pattern = readResourcePattern(words.join('|'))
      return !pattern.fits({ name, sub }) || pattern.names?.includes(name) === true
    }),
    { numRuns: 100 },
  )
})
