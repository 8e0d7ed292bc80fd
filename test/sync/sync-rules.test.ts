import t from 'tap'
import { readSyncRules } from '../../src/sync/sync-rules.ts'

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

t.test('blacklists leave projects out by id and by name', async (t) => {
  t.same(takes({}), ['1', '2', '3'])
  t.same(takes({ 'projects-blacklist': ['1', 'ops'] }), ['2', '3'])
  t.same(takes({ 'projects-name-blacklist': ['demo', '2'] }), ['2'])
})

t.test('with an allowlist only those take part of whom all that an entry says is true', async (t) => {
  t.same(takes({ 'projects-allowlist': ['2'] }), ['2'])
  t.same(takes({ 'projects-allowlist': [{ name: 'demo' }] }), ['1', '3'])
  t.same(takes({ 'projects-allowlist': [{ name: 'demo', domain: 'Acme' }, { id: '2' }] }), ['2', '3'])
  t.same(takes({ 'projects-allowlist': [{ domain: 'acme' }], 'projects-blacklist': ['3'] }), [])
  t.same(takes({ 'projects-allowlist': [] }), [], 'an empty one lets nobody in')
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
      ].join('; '),
    },
  )
  t.same(readSyncRules({ 'project-blacklist': [] }).unknown, ['project-blacklist'])
  t.same(readSyncRules(null).dataTypes, [])
})
