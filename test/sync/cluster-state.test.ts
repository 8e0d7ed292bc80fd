import t from 'tap'
import { byNamespace } from '../../src/sync/cluster-state.ts'

const object = (name: string, namespace?: string) => ({
  metadata: { name, uid: `${namespace}/${name}`, ...(namespace !== undefined && { namespace }) },
})
const uids = (names: ReadonlyMap<string, { metadata: { uid?: string } }>) =>
  [...names].map(([name, { metadata }]) => [name, metadata.uid])

t.test(
  'objects are found by namespace and name, and one name in two namespaces is two objects',
  async (t) => {
    const index = byNamespace([object('a', 'one'), object('a', 'two'), object('b', 'one'), object('c')])
    t.strictSame(uids(index('one')), [
      ['a', 'one/a'],
      ['b', 'one/b'],
    ])
    t.strictSame(uids(index('two')), [['a', 'two/a']])
    t.strictSame(uids(index('')), [['c', 'undefined/c']])
    t.strictSame(uids(index('three')), [])
  },
)
