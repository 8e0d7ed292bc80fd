import fc from 'fast-check'
import t from 'tap'
import { faultAt, faultText, lineCounter, PolicyTextError } from '../../src/authz/fault.ts'

t.test('lines and columns count from 1, and a line break ends its line', async (t) => {
  const text = 'ab\n\ncd\n'
  const places = Array.from({ length: text.length + 1 }, (_, at) => faultAt(text, at, 'wrong'))
  t.same(
    places.map(({ line, column }) => [line, column]),
    [
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
      [3, 1],
      [3, 2],
      [3, 3],
      [4, 1],
    ],
  )
  for (const { message } of places) t.equal(message, 'wrong')
  t.equal(faultText({ line: 3, column: 12, message: 'wrong' }), 'line 3, column 12: wrong')
})

t.test('the line of an offset is the same counted on as counted from the beginning', async (t) => {
  const count = lineCounter('ab\n\ncd\n')
  t.same([0, 1, 2, 3, 3, 4, 6, 7].map(count), [1, 1, 1, 2, 2, 3, 3, 4])
  const text = fc.string({ unit: fc.constantFrom('a', '\n'), maxLength: 20 })
  fc.assert(
    fc.property(text, fc.array(fc.nat(20)), (value, offsets) => {
      const counted = lineCounter(value)
      const sorted = offsets.map((at) => Math.min(at, value.length)).sort((a, b) => a - b)
      t.same(
        sorted.map(counted),
        sorted.map((at) => faultAt(value, at, '').line),
      )
    }),
    { numRuns: 100 },
  )
})

t.test('an error of a policy text knows its offset', async (t) => {
  const error = new PolicyTextError(7, 'wrong')
  t.match(error, { at: 7, message: 'wrong' })
  t.type(error, Error)
})
