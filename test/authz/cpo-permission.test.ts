import t from 'tap'
import { permissionPart, toNamespacePattern, toResourcePattern } from '../../src/authz/cpo-permission.ts'
import type { NamespacePattern } from '../../src/authz/pattern.ts'
import type { ResourcePattern } from '../../src/authz/resource-pattern.ts'

t.test('a part is a name, a list, the exceptions of either, everything or nothing', async (t) => {
  const table: Record<string, unknown> = {
    '*': 'everything',
    pods: { among: ['pods'] },
    '': { among: [''] },
    'pod*': { among: ['pod*'] },
    '!pods': { notAmong: ['pods'] },
    '! pods': { notAmong: [' pods'] },
    '!': { notAmong: [''] },
    '!*': 'nothing',
    // the first bracket of an exception is looked for at its second character alone
    '!a[b]': { notAmong: ['a[b]'] },
    "['pods','secrets']": { among: ['pods', 'secrets'] },
    '["pods"]': { among: ['pods'] },
    "['pods', null]": { among: ['pods', ''] },
    "['*']": 'everything',
    "['pods','*']": 'everything',
    '[]': { among: [] },
    "!['pods','secrets']": { notAmong: ['pods', 'secrets'] },
    "!['pods',null]": { notAmong: ['pods', ''] },
    "!['pods','*']": 'nothing',
    '![]': { notAmong: [] },
    // lists that cannot be read fit nothing, with and without the exclamation mark
    '[pods]': 'nothing',
    "['pods',1]": 'nothing',
    "['pods',true]": 'nothing',
    "['pods',{}]": 'nothing',
    "['pods',[]": 'nothing',
    "['pods' 'secrets']": 'nothing',
    '![pods]': 'nothing',
    "!['pods',1]": 'nothing',
    "!['pods',[]": 'nothing',
    // brackets that do not enclose the part are letters of a name
    '[': { among: ['['] },
    '[pods': { among: ['[pods'] },
    'pods]': { among: ['pods]'] },
    "x['pods']": { among: ["x['pods']"] },
    "['pods']x": { among: ["['pods']x"] },
    "['a'],['b']": { among: ["['a'],['b']"] },
    "['a]b']": { among: ["['a]b']"] },
    '![': { among: ['!['] },
    '![pods': { among: ['![pods'] },
    "!['pods']x": { among: ["!['pods']x"] },
    "!['a'],['b']": { among: ["!['a'],['b']"] },
  }
  for (const [text, part] of Object.entries(table)) t.strictSame(permissionPart(text), part, text)
})

const NAMESPACES = ['', 'a', 'b', 'c', '*', 'own', "['a','b']", '!a', '![]', "['a',1]"]
/** Which of the namespaces fit, one of which is that of the caller's own project. */
const fittedBy = (pattern: NamespacePattern | undefined) =>
  pattern && NAMESPACES.filter((name) => pattern.fits({ name, own: 'own' }))
const all = (...without: string[]) => NAMESPACES.filter((name) => !without.includes(name))

t.test('cluster scope fits only if the namespace part is exactly a star', async (t) => {
  const table: [text: string, fits: string[] | undefined, strict: string[] | undefined][] = [
    ['*', all(), all()],
    ["['*']", all(''), all('')],
    ["['a','*']", all(''), all('')],
    ['a', ['a'], ['a']],
    ['', undefined, undefined],
    ["['a','b']", ['a', 'b', "['a','b']"], ['a', 'b']],
    ["['a',null]", ['a'], ['a']],
    ['!a', all('', 'a'), all('', 'a')],
    ["!['a','b']", all('', 'a', 'b'), all('', 'a', 'b')],
    ['![]', all(''), all('')],
    ['!', all(''), all('')],
    ['!*', [], undefined],
    ['[]', [], undefined],
    ["['a',1]", ["['a',1]"], undefined],
    ["!['a',1]", [], undefined],
  ]
  for (const [text, fits, strict] of table) {
    t.strictSame(fittedBy(toNamespacePattern(text, false))?.sort(), fits?.sort(), text)
    t.strictSame(fittedBy(toNamespacePattern(text, true))?.sort(), strict?.sort(), `${text}, strict`)
  }
})

t.test('a namespace that is excepted fits if it is the very text of the part, unless strict', async (t) => {
  const name = "!['x','a']"
  t.equal(toNamespacePattern(name, false)?.fits({ name, own: undefined }), true)
  // strict: the text is not among the exceptions, so it is a namespace like any other
  t.equal(toNamespacePattern("!['x','a']", true)?.toCell(), '!x|!a')
  t.equal(toNamespacePattern("!['x','a']", false)?.toCell(), "\\!['x'\\,'a']|!x|!a")
})

t.test('what no name can be excludes nothing but the cluster scope', async (t) => {
  t.equal(toNamespacePattern("['*']", false)?.toCell(), '!-')
  t.equal(toNamespacePattern('![]', true)?.toCell(), '!-')
})

const RESOURCES = [
  '',
  'pods',
  'pods/log',
  'secrets',
  'secrets/x',
  'nodes',
  'nodes/proxy',
  '[]',
  '[]/x',
  '!pods',
]
const resourcesOf = (pattern: ResourcePattern | undefined) =>
  pattern &&
  RESOURCES.filter((text) => {
    const [name = '', sub = ''] = text.split('/')
    return pattern.fits({ name, sub })
  })
const allBut = (...without: string[]) => RESOURCES.filter((name) => !without.includes(name))

t.test('a resource part covers sub-resources, the absent resource and its own text', async (t) => {
  const table: [text: string, fits: string[]][] = [
    ['*', allBut()],
    ["['pods','*']", allBut()],
    ['pods', ['', 'pods', 'pods/log']],
    ["['pods','secrets']", ['', 'pods', 'pods/log', 'secrets', 'secrets/x']],
    ['!pods', allBut('pods', 'pods/log')],
    ["!['pods','secrets']", allBut('pods', 'pods/log', 'secrets', 'secrets/x')],
    ['![]', allBut()],
    ['[]', ['', '[]', '[]/x']],
    ['!*', ['']],
    ["['pods',1]", ['']],
  ]
  for (const [text, fits] of table) t.strictSame(resourcesOf(toResourcePattern(text, false)), fits, text)
})

t.test(
  'strict, exceptions never let sub-resources through, and names are left to who knows their groups',
  async (t) => {
    t.strictSame(resourcesOf(toResourcePattern('*', true)), allBut())
    t.strictSame(resourcesOf(toResourcePattern("['pods','*']", true)), allBut())
    t.strictSame(resourcesOf(toResourcePattern('!pods', true)), ['secrets', 'nodes', '[]', '!pods'])
    t.strictSame(resourcesOf(toResourcePattern("!['pods','secrets']", true)), ['nodes', '[]', '!pods'])
    t.strictSame(resourcesOf(toResourcePattern('![]', true)), ['pods', 'secrets', 'nodes', '[]', '!pods'])
    for (const text of ['pods', "['pods','secrets']", '[]', '!*', "['pods',1]"])
      t.equal(toResourcePattern(text, true), undefined, text)
  },
)
