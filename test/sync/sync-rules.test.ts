import t from 'tap'
import { errorText } from '../../src/errors.ts'
import { NO_SYNC, readSyncRules } from '../../src/sync/sync-rules.ts'

const project = (id: string, name: string, domain = 'Default') => ({
  id,
  name,
  domain: { id: domain.toLowerCase(), name: domain },
})
const [DEMO, OPS, FAR] = [project('1', 'demo'), project('2', 'ops'), project('3', 'demo', 'Acme')]
const takes = (config: object) =>
  [DEMO, OPS, FAR]
    .filter(readSyncRules({ 'data-types-to-sync': ['projects'], ...config }).takes)
    .map(({ id }) => id)
const told = (config: unknown) => {
  try {
    readSyncRules(config)
    return 'well'
  } catch (error) {
    return errorText(error)
  }
}

t.test('blacklists leave projects out by id and by name', async (t) => {
  t.same(takes({}), ['1', '2', '3'])
  t.same(takes({ 'projects-blacklist': ['1', 'ops'] }), ['2', '3'])
  t.same(takes({ 'projects-name-blacklist': ['demo', '2'] }), ['2'])
  t.same(takes({ 'projects-blacklist': ['1'], 'projects-name-blacklist': ['ops'] }), ['3'])
})

t.test('with an allowlist only projects that fit all fields of an entry take part', async (t) => {
  t.same(takes({ 'projects-allowlist': ['2'] }), ['2'])
  t.same(takes({ 'projects-allowlist': '2' }), ['2'], 'one entry without a list')
  t.same(takes({ 'projects-allowlist': { domain: 'Acme' } }), ['3'])
  t.same(takes({ 'projects-allowlist': ['ops'] }), [], 'a text is an id, not a name')
  t.same(takes({ 'projects-allowlist': [{ name: 'demo' }] }), ['1', '3'])
  t.same(takes({ 'projects-allowlist': [{ name: 'demo', domain: 'Acme' }, { id: '2' }] }), ['2', '3'])
  t.same(takes({ 'projects-allowlist': [{ id: '1', name: 'ops' }] }), [])
  t.same(takes({ 'projects-allowlist': [{ id: '1', domain: 'Acme' }] }), [])
  t.same(takes({ 'projects-allowlist': [{ id: '3', name: 'demo', domain: 'acme' }] }), ['3'])
  t.same(takes({ 'projects-allowlist': [{ domain: 'acme' }], 'projects-blacklist': ['3'] }), [])
  t.same(takes({ 'projects-allowlist': ['1', '2'], 'projects-name-blacklist': ['demo'] }), ['2'])
  t.same(takes({ 'projects-allowlist': [] }), [], 'an empty one lets nobody in')
  t.same(takes({ 'projects-allowlist': null }), ['1', '2', '3'])
})

t.test('every fault is told at once, unknown keys are only named', async (t) => {
  t.throws(
    () =>
      readSyncRules({
        'data-types-to-sync': ['projects', 'users'],
        'namespace-format': '%n',
        'projects-blacklist': 'all',
        'projects-name-blacklist': [1],
        'projects-allowlist': [{ project: 'x' }, {}, 7],
        'role-bindings': 'x',
      }),
    {
      code: 'SYNC_CONFIG_INVALID',
      message: [
        'data-types-to-sync: expected projects or role_assignments',
        'projects-blacklist: expected a list of texts',
        'projects-name-blacklist: expected a list of texts',
        'namespace-format: expected a text with %i, and %n or %d if need be',
        ...[0, 1, 2].map(
          (index) => `projects-allowlist[${index}]: expected an id, or some of id, name and domain`,
        ),
        'role-bindings: expected a list',
      ].join('; '),
    },
  )
  const known = [
    'data-types-to-sync',
    'namespace-format',
    'projects-blacklist',
    'projects-name-blacklist',
    'projects-allowlist',
    'role-bindings',
    'role-mappings',
  ]
  const all = Object.fromEntries([...known, 'project-blacklist', 'data-types'].map((key) => [key, null]))
  t.same(readSyncRules(all).unknown, ['project-blacklist', 'data-types'])
})

t.test('an allowlist entry holds an id, a name or a domain, each a text, and nothing else', async (t) => {
  const fault = /projects-allowlist\[1\]/
  for (const entry of [{}, '', { id: '' }, { id: 1 }, { name: '', domain: 'Acme' }, { domain: [] }, null, []])
    t.match(told({ 'projects-allowlist': ['1', entry] }), fault, JSON.stringify(entry))
  t.match(told({ 'projects-allowlist': ['1', { id: '2', more: 'x' }] }), fault)
})

t.test('without a configuration nothing is synchronised and no project takes part', async (t) => {
  for (const config of [null, undefined]) {
    const rules = readSyncRules(config)
    t.equal(rules, NO_SYNC)
    t.strictSame([rules.dataTypes, rules.namespaceFormat, rules.unknown], [[], undefined, []])
    t.equal(rules.takes(DEMO), false)
    t.strictSame(rules.roles('member'), { kind: 'ClusterRole', name: 'member' })
  }
  for (const config of ['text', [], 7]) t.match(told(config), /keys and values/)
})

t.test('an empty configuration synchronises nothing, and each data type only itself', async (t) => {
  t.strictSame(readSyncRules({}).dataTypes, [])
  for (const types of [['projects'], ['role_assignments'], ['projects', 'role_assignments']])
    t.strictSame(readSyncRules({ 'data-types-to-sync': types }).dataTypes, types)
})

t.test('the namespace format is kept as it is written, and an invalid one is refused', async (t) => {
  const format = (value: unknown) => readSyncRules({ 'namespace-format': value }).namespaceFormat
  t.equal(format('%n-%i'), '%n-%i')
  for (const none of [undefined, null, '']) t.equal(format(none), undefined)
  for (const value of [7, [], '%n', 'x'])
    t.match(told({ 'namespace-format': value }), /namespace-format: expected a text/)
})

t.test('the table of roles is that of the configuration', async (t) => {
  const { roles } = readSyncRules({ 'role-bindings': [{ 'keystone-role': 'member', role: 'editor' }] })
  t.strictSame(roles('member'), { kind: 'Role', name: 'editor' })
  t.equal(roles('admin'), undefined)
})
