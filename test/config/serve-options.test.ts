import t, { type Test } from 'tap'
import { serveOptions } from '../../src/config/serve-options.ts'
import { dropInOf, serveOf } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

/** Runs as the user with this id and this home; undefined: on a system that has no user ids. */
function asUser(t: Test, id: number | undefined, home = '/home/ann') {
  const { getuid } = process
  const { HOME } = process.env
  t.teardown(() => {
    Object.assign(process, { getuid })
    process.env.HOME = HOME
  })
  Object.assign(process, { getuid: id === undefined ? undefined : () => id })
  process.env.HOME = home
}

t.test('`portcullis serve` has the defaults, units, limits and variables of the documents', async (t) => {
  asUser(t, 1000)
  keepsPromises(t, serveOptions('portcullis'), serveOf('/home/ann/.local/state/portcullis'))
})

t.test('k8s-keystone-auth has the defaults of that program, and no others', async (t) => {
  asUser(t, 1000)
  keepsPromises(t, serveOptions('k8s-keystone-auth'), dropInOf('/home/ann/.local/state/portcullis'))
})

t.test('root keeps state in /var/lib/portcullis, anybody else in the own home', async (t) => {
  for (const [id, home, folder] of [
    [0, '/root', '/var/lib/portcullis'],
    [1, '/srv', '/srv/.local/state/portcullis'],
    [65532, '/home/ben', '/home/ben/.local/state/portcullis'],
    [undefined, '/home/ann', '/home/ann/.local/state/portcullis'],
  ] as const) {
    asUser(t, id, home)
    t.equal(serveOptions('portcullis')['state-dir'].fallback, folder)
    t.equal(serveOptions('k8s-keystone-auth')['state-dir'].fallback, folder)
  }
})
