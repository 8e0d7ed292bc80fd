import fc from 'fast-check'
import t from 'tap'
import { project, WHOLE, inventoryWorld as world } from '../support/inventory-world.ts'

t.test('a list without an end is given up after 10000 pages', async (t) => {
  const { read, calls } = world({}, (name) =>
    name === 'domains' ? { body: { domains: WHOLE.domains, links: { next: '?marker=again' } } } : undefined,
  )
  await t.rejects(read(), { code: 'KEYSTONE_BAD_ANSWER', message: /list of domains/ })
  t.equal(calls.filter(({ url }) => url.includes('/domains')).length, 10_000)
})

t.test('however a list is cut into pages, it is read whole and in order', async (t) => {
  const ids = Array.from({ length: 7 }, (_, index) => `p-${index}`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
      async (cuts) => {
        const pages = cuts.map((size, index) => {
          const start = cuts.slice(0, index).reduce((sum, cut) => sum + cut, 0)
          return ids.slice(start, index === cuts.length - 1 ? undefined : start + size)
        })
        const { read } = world({}, (name, _token, query) => {
          if (name !== 'projects') return undefined
          const page = Number(query.slice(1))
          const links = { next: page + 1 < pages.length ? `http://x/?${page + 1}` : null }
          return { body: { projects: pages[page]?.map((id) => project(id, 'd-red')), links } }
        })
        t.strictSame(
          (await read()).projects.map(({ id }) => id),
          pages.flat(),
        )
      },
    ),
    { numRuns: 50, examples: [[[0, 3, 0, 4]]] },
  )
})
