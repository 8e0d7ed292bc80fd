import t from 'tap'
import { configMapPolicySource, selectedPolicySource } from '../../src/authz/config-map-policy.ts'
import type { PolicyDocument } from '../../src/authz/policy-text.ts'

type Maps = Record<string, Record<string, string>>

/** ConfigMaps that a test changes. */
function configMaps(maps?: Maps) {
  const listeners = new Set<() => unknown>()
  const fake = {
    maps,
    tell: () => [...listeners].map((listener) => listener()),
    current: () => (fake.maps === undefined ? undefined : new Map(Object.entries(fake.maps))),
    watch(changed: () => unknown) {
      listeners.add(changed)
      return () => void listeners.delete(changed)
    },
  }
  return fake
}

const plain = (documents: readonly PolicyDocument[]) =>
  documents.map(({ name, format, rest, text }) => ({ name, format, rest, text: text() }))

t.test('of the ConfigMap of a name the key policies is read, strictly to its end', async (t) => {
  const maps = configMaps({
    other: { policies: '[null]' },
    auth: { policies: '[]', 'more.csv': 'x', syncConfig: 'y' },
  })
  const source = configMapPolicySource('auth', maps)
  t.equal(source.name, 'auth')
  t.equal(source.lenient, true, 'it does not stop the start')
  t.strictSame(plain(source.documents()), [
    { name: 'auth/policies', format: 'cpo', rest: 'forbidden', text: '[]' },
  ])
})

t.test('a ConfigMap that is not known, not there or deleted holds nothing', async (t) => {
  const maps = configMaps()
  const source = configMapPolicySource('auth', maps)
  t.strictSame(source.documents(), [])
  maps.maps = { other: { policies: '[]' } }
  t.strictSame(source.documents(), [])
  maps.maps = { auth: { policies: '' } }
  t.strictSame(
    plain(source.documents()).map(({ text }) => text),
    [''],
    'an empty text is a text',
  )
  maps.maps = {}
  t.strictSame(source.documents(), [])
})

t.test('a ConfigMap without its key is faulty, not empty', async (t) => {
  const source = configMapPolicySource(
    'auth',
    configMaps({ auth: { Policies: '[]', 'policies.json': '[]' } }),
  )
  const [document, ...more] = source.documents()
  t.strictSame([document?.name, more], ['auth/policies', []])
  t.throws(() => document?.text(), { message: /key policies/ })
})

t.test('of selected ConfigMaps every key that ends as a policy is read, by name and key', async (t) => {
  const source = selectedPolicySource(
    'portcullis.dev/policy=true',
    configMaps({
      base: { 'x.json': '7', 'b.constructor': '8', csv: '9' },
      team: { 'z.csv': '1', 'a.yaml': '2', 'b.yml': '3', 'notes.txt': '4', policies: '5', README: '6' },
      Aaa: { 'a.csv': '10' },
      empty: {},
    }),
  )
  t.equal(source.name, 'portcullis.dev/policy=true')
  t.equal(source.lenient, true)
  t.strictSame(
    plain(source.documents()),
    [
      ['Aaa/a.csv', 'csv', '10'],
      ['base/x.json', 'cpo', '7'],
      ['team/a.yaml', 'yaml', '2'],
      ['team/b.yml', 'yaml', '3'],
      ['team/policies', 'cpo', '5'],
      ['team/z.csv', 'csv', '1'],
    ].map(([name, format, text]) => ({ name, format, rest: 'forbidden', text })),
  )
})

t.test('selected ConfigMaps that are not known hold nothing', async (t) => {
  t.strictSame(selectedPolicySource('a=b', configMaps()).documents(), [])
  t.strictSame(selectedPolicySource('a=b', configMaps({})).documents(), [])
})

t.test('a change is passed on, until the watch stops', async (t) => {
  for (const create of [configMapPolicySource, selectedPolicySource]) {
    const maps = configMaps({})
    let changes = 0
    const stop = create('auth', maps).watch(async () => void changes++)
    await Promise.all(maps.tell())
    await Promise.all(maps.tell())
    t.equal(changes, 2)
    stop()
    maps.tell()
    t.equal(changes, 2)
  }
})
