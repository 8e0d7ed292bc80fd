import type { Test } from 'tap'

/** Math.random gives this number until the test is over. */
export function fixChance(t: Pick<Test, 'teardown'>, value: number): void {
  const { random } = Math
  Math.random = () => value
  t.teardown(() => {
    Math.random = random
  })
}
