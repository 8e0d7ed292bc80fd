import t from 'tap'
import {
  isOwned,
  isUnclaimed,
  OWNER_LABEL,
  ownerLabels,
  PROJECT_DOMAIN,
  PROJECT_ID,
  PROJECT_NAME,
  PROJECT_STATE,
  PROJECT_STATE_SINCE,
  projectAnnotations,
} from '../../src/sync/ownership.ts'

t.test('an object is owned by its label alone, and unclaimed when it has no such label', async (t) => {
  for (const [metadata, owned, unclaimed] of [
    [{ labels: { 'app.kubernetes.io/managed-by': 'portcullis' } }, true, false],
    [{ labels: { 'app.kubernetes.io/managed-by': 'portcullis', more: 'x' } }, true, false],
    [{ labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, false, false],
    [{ labels: { 'app.kubernetes.io/managed-by': 'Portcullis' } }, false, false],
    [{ labels: { 'app.kubernetes.io/managed-by': '' } }, false, false],
    [{ labels: { 'app.kubernetes.io/name': 'portcullis' } }, false, true],
    [{ labels: {} }, false, true],
    [{}, false, true],
    [{ annotations: { 'app.kubernetes.io/managed-by': 'portcullis' } }, false, true],
    [{ annotations: { [PROJECT_ID]: 'p' } }, false, true],
  ] as const) {
    const text = JSON.stringify(metadata)
    t.equal(isOwned({ name: 'n', ...metadata }), owned, `owned: ${text}`)
    t.equal(isUnclaimed({ name: 'n', ...metadata }), unclaimed, `unclaimed: ${text}`)
  }
})

t.test('the marks have the names that other versions and other tools know', async (t) => {
  t.equal(OWNER_LABEL, 'app.kubernetes.io/managed-by')
  t.strictSame(ownerLabels, { 'app.kubernetes.io/managed-by': 'portcullis' })
  t.strictSame(
    [PROJECT_ID, PROJECT_NAME, PROJECT_DOMAIN, PROJECT_STATE, PROJECT_STATE_SINCE],
    ['id', 'name', 'domain', 'state', 'state-since'].map((part) => `portcullis.dev/project-${part}`),
  )
})

t.test(
  'annotations say which project a namespace is of: its id, its name and the id of its domain',
  async (t) => {
    t.strictSame(projectAnnotations({ id: 'p1', name: 'web', domain: 'd1' }), {
      'portcullis.dev/project-id': 'p1',
      'portcullis.dev/project-name': 'web',
      'portcullis.dev/project-domain': 'd1',
    })
  },
)
