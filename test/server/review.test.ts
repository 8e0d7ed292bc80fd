import t from 'tap'
import { REVIEW_VERSIONS } from '../../src/server/review.ts'

t.test('both versions of the review APIs are spoken', async (t) => {
  t.strictSame([...REVIEW_VERSIONS], ['v1', 'v1beta1'])
})
