import { executionAsyncResource } from 'node:async_hooks'

/**
 * Keeps one of Node's tick objects alive as long as the process. Without one the first full garbage collection at a
 * quiet moment frees their hidden class, and V8 then takes the slow way at every process.nextTick, of which a review
 * has some ten (docs/benchmarks.md).
 */
export function keepTickShape(): void {
  process.nextTick(() => {
    const tick = executionAsyncResource()
    process.once('exit', () => tick)
  })
}
