/** What a piece of work results in, whether it is done in steps or at once. */
export function drained<T>(work: T | Generator<unknown, T>): T {
  if (!isGenerator<T>(work)) return work
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

const isGenerator = <T>(work: unknown): work is Generator<unknown, T> =>
  Object.prototype.toString.call(work) === '[object Generator]'
