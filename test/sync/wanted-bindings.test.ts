import t from 'tap'
import { readRoleTable, sameName } from '../../src/sync/role-table.ts'
import { wantedBindings } from '../../src/sync/wanted-bindings.ts'
import { assigned, hexId, INVENTORY, PROJECTS, USERS, usernameOf } from '../support/two-domains.ts'

const { acmeWeb, acmeOps, betaWeb } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS
const clusterRole = (name: string) => ({ kind: 'ClusterRole', name })
const grant = ({ id }: typeof acmeBob, username: string, role: string) => ({ userId: id, username, role })

t.test(
  'each user has a binding for each role on the project, and none for roles on other projects',
  async (t) => {
    const wanted = wantedBindings(INVENTORY.assignments, { roles: sameName, usernameOf })
    t.strictSame(Object.fromEntries(wanted(acmeWeb)), {
      [`${hexId(0xa1)}_member`]: {
        grant: grant(acmeAlice, 'Acme:alice', 'member'),
        target: clusterRole('member'),
      },
      [`${hexId(0xa2)}_member`]: {
        grant: grant(acmeBob, 'Acme:bob', 'member'),
        target: clusterRole('member'),
      },
      [`${hexId(0xa2)}_admin`]: { grant: grant(acmeBob, 'Acme:bob', 'admin'), target: clusterRole('admin') },
    })
    t.strictSame([...wanted(acmeOps).keys()], [`${hexId(0xa2)}_reader`])
    t.strictSame([...wanted(betaWeb).keys()], [`${hexId(0xb1)}_reader`])
    t.strictSame([...wanted({ ...betaWeb, id: 'p-none' }).keys()], [])
  },
)

t.test('a user’s name is asked for with the project and the roles there, sorted and each once', async (t) => {
  const asked: unknown[] = []
  const wanted = wantedBindings(
    [
      assigned(acmeWeb, acmeBob, 'member'),
      assigned(acmeWeb, acmeBob, 'admin'),
      assigned(acmeWeb, acmeBob, 'member'),
      assigned(acmeOps, acmeBob, 'reader'),
      assigned(acmeWeb, betaAlice, 'reader'),
    ],
    {
      roles: sameName,
      usernameOf(user, project, roles) {
        asked.push([user, project.id, roles])
        return usernameOf(user)
      },
    },
  )
  t.strictSame([...wanted(acmeWeb).keys()].sort(), [
    `${hexId(0xa2)}_admin`,
    `${hexId(0xa2)}_member`,
    `${hexId(0xb1)}_reader`,
  ])
  t.strictSame(asked, [
    [acmeBob, 'p-acme-web', ['admin', 'member']],
    [betaAlice, 'p-acme-web', ['reader']],
  ])
})

t.test('a user who cannot log in has no binding, the others have theirs', async (t) => {
  const wanted = wantedBindings(INVENTORY.assignments, {
    roles: sameName,
    usernameOf: (user) => (user.id === acmeAlice.id ? undefined : usernameOf(user)),
  })
  t.strictSame([...wanted(acmeWeb).keys()].sort(), [`${hexId(0xa2)}_admin`, `${hexId(0xa2)}_member`])
})

t.test(
  'a role that the table does not name, or that no name can hold, has no binding; others do',
  async (t) => {
    const roles = readRoleTable({
      'role-bindings': [
        { 'keystone-role': 'member', role: 'editor' },
        { 'keystone-role': 'a/b', role: 'editor' },
        { 'keystone-role': 'a%b', role: 'editor' },
      ],
    })
    const names = ['admin', 'a/b', 'a%b', 'member']
    const wanted = wantedBindings(
      names.map((role) => assigned(acmeWeb, acmeBob, role)),
      { roles, usernameOf },
    )
    t.strictSame(Object.fromEntries(wanted(acmeWeb)), {
      [`${hexId(0xa2)}_member`]: {
        grant: grant(acmeBob, 'Acme:bob', 'member'),
        target: { kind: 'Role', name: 'editor' },
      },
    })
  },
)
