/** What a function gives, whether it works in steps or at once. */
export function drained<T>(work: Generator<unknown, T> | T): T {
  if (!isGenerator<T>(work)) return work
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

const isGenerator = <T>(work: unknown): work is Generator<unknown, T> =>
  typeof work === 'object' && work !== null && Symbol.iterator in work && 'next' in work
