import t from 'tap'
import { bindingPrefix, roleBinding } from '../../src/sync/role-binding.ts'

const GRANT = { userId: 'u1', username: 'Acme:alice', role: 'member' }

t.test(
  'a binding is named by the user’s id and the role, and binds the user’s name in Kubernetes',
  async (t) => {
    t.strictSame(roleBinding('web', GRANT), {
      metadata: {
        name: 'u1_member',
        namespace: 'web',
        labels: { 'app.kubernetes.io/managed-by': 'portcullis' },
      },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'Acme:alice' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'member' },
    })
  },
)

t.test('a binding to another role keeps the name of the Keystone role', async (t) => {
  for (const target of [
    { kind: 'Role', name: 'editor' },
    { kind: 'ClusterRole', name: 'view' },
  ] as const) {
    const { metadata, roleRef } = roleBinding('web', GRANT, target)
    t.equal(metadata.name, 'u1_member')
    t.strictSame(roleRef, { apiGroup: 'rbac.authorization.k8s.io', ...target })
  }
})

t.test('the names of a user’s bindings begin with the id and an underscore', async (t) => {
  t.equal(bindingPrefix('u1'), 'u1_')
  const other = roleBinding('web', { ...GRANT, userId: 'u12' }).metadata.name
  t.notOk(other.startsWith(bindingPrefix('u1')), 'one id that begins with another')
})
