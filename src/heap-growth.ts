import { flushCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'

/**
 * Lets the heap grow to twice of what is in use before V8 collects; by itself it would let it grow to several times
 * that (docs/benchmarks.md). For servers, once they serve: under a V8 flag of this kind nothing that was compiled
 * without it can be used, neither what Node brings with it nor what we keep, and starting would take 50 ms longer.
 */
export function keepHeapSmall(): void {
  flushCompileCache()
  setFlagsFromString('--heap-growing-percent=100')
}
