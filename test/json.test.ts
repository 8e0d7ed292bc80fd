import t from 'tap'
import { isRecord, isText, isTextList } from '../src/json.ts'

const VALUES = [undefined, null, true, 0, 1, '', 'a', [], ['a'], ['a', ''], ['a', 1], [null], {}, { a: 1 }]

t.test('a record is an object that is neither a list nor null', async (t) => {
  t.same(VALUES.filter(isRecord), [{}, { a: 1 }])
})

t.test('a text is a string that is not empty', async (t) => {
  t.same(VALUES.filter(isText), ['a'])
})

t.test('a list of texts holds strings only, empty ones too', async (t) => {
  t.same(VALUES.filter(isTextList), [[], ['a'], ['a', '']])
})
