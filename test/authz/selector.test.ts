import fc from 'fast-check'
import t from 'tap'
import { NO_SELECTOR, readSelector, type SelectorRequirement } from '../../src/authz/selector.ts'

const asked = (
  on: 'field' | 'label',
  key: string,
  operator: string,
  ...values: string[]
): SelectorRequirement => ({ on, key, operator, values })

/** Term of a rule without `label:`, then requirements that imply it and requirements that do not. */
type Requirement = [operator: string, ...values: string[]]
const TERMS: [string, Requirement[], Requirement[]][] = [
  [
    'team=a',
    [
      ['In', 'a'],
      ['In', 'a', 'a'],
    ],
    [
      ['In'],
      ['In', 'b'],
      ['In', 'a', 'b'],
      ['In', 'b', 'a'],
      ['NotIn', 'a'],
      ['NotIn', 'b'],
      ['Exists'],
      ['DoesNotExist'],
    ],
  ],
  [
    'team=a|b',
    [
      ['In', 'a'],
      ['In', 'b'],
      ['In', 'b', 'a'],
    ],
    [
      ['In'],
      ['In', 'a', 'b', 'c'],
      ['In', 'c'],
      ['NotIn', 'c'],
      ['NotIn', 'a', 'b'],
      ['Exists'],
      ['DoesNotExist'],
    ],
  ],
  [
    'team!=a|b',
    [
      ['NotIn', 'a', 'b'],
      ['NotIn', 'c', 'b', 'a'],
      ['In', 'c'],
      ['In', 'c', 'd'],
    ],
    [
      ['NotIn', 'a'],
      ['NotIn', 'b'],
      ['NotIn'],
      ['In', 'a'],
      ['In', 'c', 'a'],
      ['In'],
      ['Exists'],
      ['DoesNotExist'],
    ],
  ],
  [
    'team',
    [['Exists'], ['In', 'a'], ['In', 'a', 'b']],
    [['In'], ['NotIn', 'a'], ['NotIn'], ['DoesNotExist']],
  ],
  ['!team', [['DoesNotExist']], [['Exists'], ['In', 'a'], ['In'], ['NotIn', 'a'], ['NotIn']]],
]

t.test('a request fits if its requirement lets through no more than the term of the rule', async (t) => {
  for (const on of ['label', 'field'] as const)
    for (const [term, implying, others] of TERMS) {
      const pattern = readSelector(`${on}:${term}`)
      for (const [operator, ...values] of implying)
        t.equal(
          pattern.fits([asked(on, 'team', operator, ...values)]),
          true,
          `${on}:${term} ${operator} ${values}`,
        )
      for (const [operator, ...values] of others)
        t.equal(
          pattern.fits([asked(on, 'team', operator, ...values)]),
          false,
          `${on}:${term} ${operator} ${values}`,
        )
    }
})

t.test('a label does not pass for a field, nor one key for another, with any operator', async (t) => {
  for (const [on, other] of [
    ['label', 'field'],
    ['field', 'label'],
  ] as const)
    for (const [term, implying] of TERMS)
      for (const [operator, ...values] of implying) {
        const pattern = readSelector(`${on}:${term}`)
        t.equal(
          pattern.fits([asked(other, 'team', operator, ...values)]),
          false,
          `${other} for ${on}:${term}`,
        )
        t.equal(pattern.fits([asked(on, 'teams', operator, ...values)]), false, `teams for ${on}:${term}`)
        t.equal(pattern.fits([asked(on, 'tea', operator, ...values)]), false, `tea for ${on}:${term}`)
        const mixed = [asked(other, 'team', operator, ...values), asked(on, 'teams', operator, ...values)]
        t.equal(pattern.fits(mixed), false, `both for ${on}:${term}`)
      }
})

t.test('an operator of a later Kubernetes, or one in other letters, implies nothing', async (t) => {
  for (const [term] of TERMS)
    for (const operator of ['', 'Gt', 'in', 'notin', 'exists', 'doesnotexist', 'Equals', 'NotExists'])
      t.equal(
        readSelector(`label:${term}`).fits([asked('label', 'team', operator, 'a', 'b')]),
        false,
        `${operator} ${term}`,
      )
})

t.test('a request without selectors is unlimited: it fits only a rule without terms', async (t) => {
  for (const [term] of TERMS) t.equal(readSelector(`label:${term}`).fits([]), false, term)
  t.equal(readSelector('*').fits([]), true)
  t.equal(readSelector('*').fits([asked('label', 'team', 'In', 'a')]), true)
  t.equal(NO_SELECTOR.fits([]), true)
})

t.test('every term needs a requirement, and one among many is enough', async (t) => {
  const pattern = readSelector('label:team=a & field:metadata.name=web & label:!old')
  const team = asked('label', 'team', 'In', 'a')
  const name = asked('field', 'metadata.name', 'In', 'web')
  const old = asked('label', 'old', 'DoesNotExist')
  const more = asked('label', 'tier', 'In', 'front')
  t.equal(pattern.fits([team, name, old]), true)
  t.equal(pattern.fits([more, old, more, name, team]), true)
  for (const lack of [
    [team, name],
    [team, old],
    [name, old],
    [more, team, name],
  ])
    t.equal(pattern.fits(lack), false, JSON.stringify(lack))
  const twice = readSelector('label:team=a|b & label:team!=b')
  t.equal(twice.fits([asked('label', 'team', 'In', 'a')]), true)
  t.equal(twice.fits([asked('label', 'team', 'In', 'b')]), false)
  t.equal(twice.fits([asked('label', 'team', 'In', 'b'), asked('label', 'team', 'NotIn', 'b')]), true)
})

t.test('what implies a term lets no object through that the term excludes', async (t) => {
  const OBJECTS = [undefined, 'a', 'b', 'c']
  const lets = (one: { operator: string; values: readonly string[] }, value: string | undefined) =>
    ({
      In: value !== undefined && one.values.includes(value),
      NotIn: value === undefined || !one.values.includes(value),
      Exists: value !== undefined,
      DoesNotExist: value === undefined,
    })[one.operator] === true
  const operator = fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist')
  const values = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  const cell = fc.tuple(fc.constantFrom('', '='), fc.constantFrom('', '!'), values)
  fc.assert(
    fc.property(operator, values, cell, (how, given, [equals, not, wanted]) => {
      const text = equals === '' ? `label:${not}team` : `label:team${not}=${wanted.join('|')}`
      const [term] = readSelector(text).terms
      if (term === undefined) return false
      const requirement = asked('label', 'team', how, ...(how.endsWith('In') ? given : []))
      const narrow = OBJECTS.every((object) => !lets(requirement, object) || lets(term, object))
      return narrow || !readSelector(text).fits([requirement])
    }),
    { numRuns: 100 },
  )
  t.pass()
})

/** Cell, terms, and the cell as it is written again. */
const CELLS: [string, ReturnType<typeof readSelector>['terms'], string?][] = [
  ['*', []],
  ['label:team=a|b', [{ on: 'label', key: 'team', operator: 'In', values: ['a', 'b'] }]],
  ['label:team!=a|b', [{ on: 'label', key: 'team', operator: 'NotIn', values: ['a', 'b'] }]],
  ['label:team', [{ on: 'label', key: 'team', operator: 'Exists', values: [] }]],
  ['label:!team', [{ on: 'label', key: 'team', operator: 'DoesNotExist', values: [] }]],
  [
    'field:metadata.name=web & label:app.kubernetes.io/name!=-',
    [
      { on: 'field', key: 'metadata.name', operator: 'In', values: ['web'] },
      { on: 'label', key: 'app.kubernetes.io/name', operator: 'NotIn', values: [''] },
    ],
  ],
  [
    ' label: team = a | b &field:! gone & label:tier != c',
    [
      { on: 'label', key: 'team', operator: 'In', values: ['a', 'b'] },
      { on: 'field', key: 'gone', operator: 'DoesNotExist', values: [] },
      { on: 'label', key: 'tier', operator: 'NotIn', values: ['c'] },
    ],
    'label:team=a|b & field:!gone & label:tier!=c',
  ],
  ['label:a\\=b=c', [{ on: 'label', key: 'a=b', operator: 'In', values: ['c'] }]],
  ['label:a=b\\=c', [{ on: 'label', key: 'a', operator: 'In', values: ['b=c'] }], 'label:a=b=c'],
  ['label:a=b=c|d', [{ on: 'label', key: 'a', operator: 'In', values: ['b=c', 'd'] }]],
  ['label:a\\!=b', [{ on: 'label', key: 'a!', operator: 'In', values: ['b'] }]],
  ['label:a\\\\!=b', [{ on: 'label', key: 'a\\', operator: 'NotIn', values: ['b'] }]],
  ['label:a\\\\\\!=b', [{ on: 'label', key: 'a\\!', operator: 'In', values: ['b'] }]],
  ['label:a!b=c', [{ on: 'label', key: 'a!b', operator: 'In', values: ['c'] }], 'label:a\\!b=c'],
  ['label:\\!a', [{ on: 'label', key: '!a', operator: 'Exists', values: [] }]],
  ['label:a=x\\|y\\&z\\*', [{ on: 'label', key: 'a', operator: 'In', values: ['x|y&z*'] }]],
  ['label:a=x\ny', [{ on: 'label', key: 'a', operator: 'In', values: ['x\ny'] }], 'label:a=x\\u000ay'],
]

t.test('a selector cell is read into its terms and written again', async (t) => {
  for (const [cell, terms, written = cell] of CELLS) {
    t.same(readSelector(cell).terms, terms, cell)
    t.equal(readSelector(cell).toCell(), written)
    t.same(readSelector(written).terms, terms, written)
  }
})

t.test('a term without field: or label:, with a wildcard or without a key is an error', async (t) => {
  for (const [cell, message] of [
    ['', /^nothing: .*field: or label:/],
    ['team=a', /^team=a: .*field: or label:/],
    ['labels:team=a', /^labels:team=a: .*field: or label:/],
    ['x label:team=a', /^x label:team=a: /],
    ['label:a & ', /^nothing: /],
    ['* & label:a', /^\*: /],
    ['label:team=a*', /^label:team=a\*: .*wildcard/],
    ['label:te*m', /^label:te\*m: .*wildcard/],
    ['label:', /empty/],
    ['label:!', /empty/],
    ['label:=a', /empty/],
    ['label:!=a', /empty/],
    ['label:a=', /empty/],
    ['label:a=b|', /empty/],
  ] as const)
    t.throws(() => readSelector(cell), { message }, cell)
})
