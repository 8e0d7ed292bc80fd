import t from 'tap'
import { reconcileWorld } from '../support/reconcile-world.ts'
import { ask } from '../support/wire.ts'

const { admin, openstack, kubectl, bindings, world } = await reconcileWorld(t)

t.test(
  'of two servers one reconciles, and the other takes over from one that is killed or stops',
  async (t) => {
    const { user, project, serve } = await world(t)
    const alice = await user()
    const { id } = await project([alice, 'member'])
    const replica = async () => {
      const server = await serve()
      const metric = async (name: string) => {
        const { text } = await ask(server.adminUrl, { path: '/metrics' })
        return Number(new RegExp(`^portcullis_${name} (\\S+)$`, 'm').exec(text)?.[1])
      }
      return { ...server, metric }
    }
    const appears = async (role: string) => {
      await admin.grant(alice, { project: id }, role)
      const name = `${alice.id}_${role}`
      await kubectl('wait', '--for=create', '-n', id, `rolebinding/${name}`, '--timeout=20s')
      await admin.revokeRole(alice, id, role)
      await kubectl('wait', '--for=delete', '-n', id, `rolebinding/${name}`, '--timeout=20s')
    }
    const [first, second] = [await replica(), await replica()]
    const one = await Promise.race([
      first.logged('Leads').then(() => first),
      second.logged('Leads').then(() => second),
    ])
    const other = one === first ? second : first
    await kubectl('wait', '--for=create', `namespace/${id}`, '--timeout=20s')
    await appears('creator')
    t.same([await one.metric('reconcile_leader'), await other.metric('reconcile_leader')], [1, 0])
    t.notOk(other.log().some(({ msg }) => msg === 'Reconciled'))
    t.match((await ask(one.adminUrl, { path: '/readyz?verbose' })).text, '[+]reconcile ok')
    const { milliseconds: _, ...line } = await one.logged('Reconciled')
    t.match(line, {
      projects: Number,
      owned: Number,
      create: Number,
      update: Number,
      delete: Number,
      skipped: 0,
      failed: 0,
    })

    one.child.kill('SIGKILL')
    await other.logged('Leads')
    await appears('observer')

    const third = await replica()
    const holder = () =>
      kubectl(
        'get',
        'lease',
        '-n',
        'kube-system',
        'portcullis-reconciler',
        '-o',
        'jsonpath={.spec.holderIdentity}',
      )
    const before = await holder()
    other.child.kill('SIGTERM')
    await other.exited
    t.not(await holder(), before, 'it is given back at once')
    await third.logged('Leads')
    await appears('creator')
  },
)

t.test('what goes wrong is told in readyz, metrics and one log line, and heals by itself', async (t) => {
  const { user, project, serve } = await world(t)
  const [alice, own] = [await user(), await admin.createUser()]
  const { id } = await project([alice, 'reader'])
  await admin.grant(own, { project: id }, 'member')
  const env = { ...openstack, OS_USER_ID: own.id, OS_PASSWORD: own.password }
  const server = await serve({ ...env, OS_SYSTEM_SCOPE: '', OS_PROJECT_ID: id })
  t.match(await server.logged('Could not reconcile'), { code: 'KEYSTONE_REFUSED_US' })
  const ready = await ask(server.adminUrl, { path: '/readyz?verbose' })
  t.equal(ready.status, 200, 'log-ins go on')
  t.match(ready.text, '[!]reconcile warning: Keystone refuses to list its')
  t.match(
    (await ask(server.adminUrl, { path: '/metrics' })).text,
    /reconcile_runs_total\{outcome="failed"\} [1-9]/,
  )
  await admin.grant(own, { project: id }, 'admin')
  await server.logged('Reconciled')
  t.ok((await bindings(id)).includes(`${alice.id}_reader ClusterRole reader`))
})
