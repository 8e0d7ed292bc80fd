import fc from 'fast-check'
import t from 'tap'
import { type HealthCheck, healthReport } from '../../src/server/health.ts'

const check = (name: string, reddens: HealthCheck['reddens'], fault?: string): HealthCheck => ({
  name,
  reddens,
  fault: () => fault,
})
const CHECKS = [
  check('ping', []),
  check('shutdown', ['readyz'], 'shutting down'),
  check('key', ['readyz', 'healthz']),
  check('policy', [], 'its last good version holds'),
  check('memory', ['livez']),
]
const report = (
  endpoint: 'livez' | 'readyz' | 'healthz',
  checks = CHECKS,
  { verbose = false, exclude = [] as readonly string[] } = {},
) => healthReport(endpoint, checks, { verbose, exclude })

t.test('a fault turns red the endpoints that its check names, and no other', async (t) => {
  const red = (checks: readonly HealthCheck[]) =>
    (['livez', 'readyz', 'healthz'] as const).filter((endpoint) => !report(endpoint, [...checks]).ok)
  t.strictSame(red(CHECKS), ['readyz'])
  t.strictSame(red([check('a', ['livez'], 'x'), check('b', ['readyz'])]), ['livez'])
  t.strictSame(red([check('a', ['livez']), check('b', ['healthz', 'readyz'], 'x')]), ['readyz', 'healthz'])
  t.strictSame(red([check('a', [], 'x'), check('b', [], 'y')]), [], 'a warning turns nothing red')
  t.strictSame(red([]), [])
})

t.test('all well is one word, unless more is asked for', async (t) => {
  t.strictSame(report('livez'), { ok: true, text: 'ok' })
  t.strictSame(report('healthz', CHECKS, { verbose: true }), {
    ok: true,
    text: `[+]ping ok
[!]shutdown warning: shutting down
[+]key ok
[!]policy warning: its last good version holds
[+]memory ok
healthz check passed
`,
  })
})

t.test('what is red says so, row by row, also when nobody asks for more', async (t) => {
  const expected = {
    ok: false,
    text: `[+]ping ok
[-]shutdown failed: shutting down
[+]key ok
[!]policy warning: its last good version holds
[+]memory ok
readyz check failed
`,
  }
  t.strictSame(report('readyz'), expected)
  t.strictSame(report('readyz', CHECKS, { verbose: true }), expected)
})

t.test('an excluded check is neither shown nor counted, nor is it made', async (t) => {
  t.strictSame(report('readyz', CHECKS, { exclude: ['shutdown'] }), { ok: true, text: 'ok' })
  t.strictSame(report('readyz', CHECKS, { exclude: ['ping', 'key', 'nonsense'] }), {
    ok: false,
    text: `[-]shutdown failed: shutting down
[!]policy warning: its last good version holds
[+]memory ok
readyz check failed
`,
  })
  const never: HealthCheck = { name: 'never', reddens: ['livez'], fault: () => t.fail('was made') as never }
  t.ok(report('livez', [never], { exclude: ['never'] }).ok)
})

t.test('each check is made once for a report, at the time of the report', async (t) => {
  let [made, fault]: [number, string | undefined] = [0, undefined]
  const changing: HealthCheck = {
    name: 'changing',
    reddens: ['readyz'],
    fault: () => {
      made += 1
      return fault
    },
  }
  t.equal(report('readyz', [changing]).ok, true)
  fault = 'gone'
  t.equal(report('readyz', [changing]).ok, false)
  fault = ''
  t.equal(report('readyz', [changing]).ok, false, 'a fault without words is a fault')
  t.equal(made, 3)
})

t.test('one red check among any number is enough', async () => {
  const others = fc.array(fc.record({ red: fc.boolean(), fault: fc.boolean() }), { maxLength: 6 })
  fc.assert(
    fc.property(others, (rows) => {
      const checks = rows.map(({ red, fault }, at) =>
        check(`c${at}`, red ? ['readyz'] : ['livez'], fault ? 'x' : undefined),
      )
      return report('readyz', checks).ok === !rows.some(({ red, fault }) => red && fault)
    }),
    { numRuns: 100 },
  )
})
