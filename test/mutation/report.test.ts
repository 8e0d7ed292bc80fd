import t from 'tap'
import { faults, readReport } from './report.ts'
import { ROOMS, sourcesOf } from './rooms.ts'

t.test('the mutation report has a row for every source of its rooms, none below its threshold', async (t) => {
  const scores = readReport()
  t.same([...scores.keys()].sort(), Object.keys(ROOMS).flatMap(sourcesOf).sort())
  t.same(faults(scores), [])
})

t.test('a room is judged as a whole and each file by itself', async (t) => {
  const [gate] = sourcesOf('gate') as [string]
  t.same(faults(new Map([[gate, { noticed: 85, all: 100 }]])), [])
  t.same(faults(new Map([[gate, { noticed: 84, all: 100 }]])), ['gate: 84.0 %, at least 85 % wanted'])
  const [one] = sourcesOf('authn') as [string]
  t.same(faults(new Map([[one, { noticed: 75, all: 100 }]])), [])
  t.same(faults(new Map([[one, { noticed: 74, all: 100 }]])), [`${one}: 74.0 %, at least 75 % wanted`])
})
